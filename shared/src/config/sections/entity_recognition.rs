//! `[entity_recognition]`: what that task alone asks.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntityRecognitionConfig {
    /// A text that is longer than the model takes goes into several rows; so many tokens at the end of one stand at
    /// the beginning of the next one too.
    pub stride: usize,
}

impl Default for EntityRecognitionConfig {
    fn default() -> Self {
        EntityRecognitionConfig { stride: 32 }
    }
}

impl EntityRecognitionConfig {
    /// A row has two special tokens, and has to bring a token that the one before it has not.
    pub(crate) fn validate(&self, max_seq_length: usize) -> Result<()> {
        let advice = format!("leaves no room for new tokens in `tokenize.max_seq_length` ({max_seq_length})");
        require(self.stride < max_seq_length.saturating_sub(2), "entity_recognition.stride", &advice)
    }
}
