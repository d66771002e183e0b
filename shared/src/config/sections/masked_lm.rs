//! `[masked_lm]`: what a masked language model has to find out.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskedLmConfig {
    /// The share of a text's tokens that is to be found out; every epoch has others.
    pub probability: f64,
    /// What is masked together.
    pub unit: MaskedUnit,
}

/// What is masked or not as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskedUnit {
    /// Each token by itself, as the first BERT did.
    #[default]
    Token,
    /// All tokens of a word, the part of a text between two spaces: the rest of a word gives none of it away.
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
