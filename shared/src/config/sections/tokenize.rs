//! `[tokenize]`: the encoding of texts.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
/// The section `[tokenize]`.
pub struct TokenizeConfig {
    /// Longer texts are truncated, shorter ones padded, special tokens included.
    pub max_seq_length: usize,
    /// Threads; 0 takes every core. The result is the same for any number.
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
