//! `[masked_lm]`: the masking of tokens.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
/// The section `[masked_lm]`.
pub struct MaskedLmConfig {
    /// The share of a text's tokens that is masked; every epoch masks others.
    pub probability: f64,
    /// The unit that is masked together.
    pub unit: MaskedUnit,
}

/// The unit of masking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskedUnit {
    /// Each token alone, as in the first BERT.
    #[default]
    Token,
    /// All tokens of a word, a part of a text between two spaces, so that the rest of a word does not reveal a masked part.
    Word,
}

impl Default for MaskedLmConfig {
    fn default() -> Self {
        MaskedLmConfig { probability: 0.15, unit: MaskedUnit::Token }
    }
}

impl MaskedLmConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        let share = self.probability > 0.0 && self.probability < 1.0;
        require(share, "masked_lm.probability", "must lie between 0 and 1")
    }
}
