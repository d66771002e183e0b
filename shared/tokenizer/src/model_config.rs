//! The keys of `config.json` that limit ids, types and lengths.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::fault::Fault;
use shared::layout::hub;

/// The keys of `config.json` that limit ids, types and lengths.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ModelConfig {
    pub(crate) vocab_size: u32,
    pub(crate) max_position_embeddings: usize,
    #[serde(default = "two")]
    pub(crate) type_vocab_size: u32,
    pub(crate) pad_token_id: Option<u32>,
}

/// The default of `transformers` for a BERT.
fn two() -> u32 {
    2
}

impl ModelConfig {
    pub(crate) fn read(folder: &Path) -> Result<ModelConfig> {
        read_json(&folder.join(hub::CONFIG))
    }

    /// Checks that the model has a position for every token.
    ///
    /// # Errors
    /// A [`Fault::usage`] where the model has fewer positions than `max_seq_length`.
    pub(crate) fn check_length(&self, max_seq_length: usize) -> Result<()> {
        let limit = self.max_position_embeddings;
        ensure!(
            max_seq_length <= limit,
            Fault::usage(format!(
                "config key `tokenize.max_seq_length` is {max_seq_length}, and the model has only {limit} \
                 positions (max_position_embeddings); set it to {limit} or less"
            ))
        );
        Ok(())
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path)
        .with_context(|| Fault::input(format!("cannot read {}; fetch a complete model", path.display())))?;
    serde_json::from_slice(&bytes)
        .with_context(|| Fault::input(format!("{} is not what a BERT model has there", path.display())))
}
