//! `[masked_lm]`: the masking of tokens.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

/// The keys of `[masked_lm]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskedLmConfig {
    /// The share of a text's tokens that is masked, in (0, 1). Every epoch masks other tokens.
    pub probability: f64,
    /// The unit of masking: `token` or `word`.
    pub unit: MaskedUnit,
}

/// The unit of masking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskedUnit {
    /// Each token is masked by itself, as in Devlin et al. (2019).
    #[default]
    Token,
    /// All tokens of a word are masked together (whole word masking), so that the rest of a word does not reveal its masked
    /// part. A word is a stretch of text between white space.
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
