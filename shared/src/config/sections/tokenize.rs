//! `[tokenize]`: the encoding of texts.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

/// The keys of `[tokenize]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenizeConfig {
    /// The maximum number of tokens of an input, special tokens included, from 3 to 65536. Longer inputs are truncated; the
    /// tasks with windows split them instead.
    pub max_seq_length: usize,
    /// CPU threads; 0 uses every core. The result is the same for any number.
    pub workers: usize,
}

impl Default for TokenizeConfig {
    fn default() -> Self {
        TokenizeConfig { max_seq_length: 128, workers: 0 }
    }
}

impl TokenizeConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        let room = (3..=1 << 16).contains(&self.max_seq_length);
        require(room, "tokenize.max_seq_length", "must lie between 3 and 65536")
    }
}
