//! The model that training starts from.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

/// The source that `fetch.model` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// A new model.
    Scratch,
    /// A local folder in the Hub layout.
    Folder(PathBuf),
    /// A model of the Hub.
    Hub {
        /// The Hub id: `beomi/kcbert-base`.
        id: String,
    },
    /// The finished training of this name, in the same work folder.
    Run(String),
}

const RUN: &str = "run:";

impl ModelSource {
    /// As in `transformers`, a folder that exists wins over a Hub id of the same spelling.
    pub(super) fn parse(model: &str) -> ModelSource {
        let path = Path::new(model);
        if model == "scratch" {
            ModelSource::Scratch
        } else if let Some(run) = model.strip_prefix(RUN) {
            ModelSource::Run(run.to_owned())
        } else if path.is_dir() || path.is_absolute() || model.starts_with('.') {
            ModelSource::Folder(path.to_owned())
        } else {
            ModelSource::Hub { id: model.to_owned() }
        }
    }
}

pub(super) fn is_hub_id(id: &str) -> bool {
    id.split('/').count() <= 2 && !id.contains("..") && !id.contains(char::is_whitespace)
}

/// Tells whether a model's weights are taken or drawn anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    #[default]
    /// The weights of the model.
    Pretrained,
    /// Random weights.
    Random,
}

/// A BERT with random weights, and a WordPiece vocabulary trained on the corpus or another model's tokenizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScratchConfig {
    /// The model whose tokenizer is taken, a Hub id or a folder, in place of a vocabulary trained on the corpus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// For a vocabulary that is trained, like the next key.
    pub vocab_size: usize,
    /// Lower-cases texts.
    pub lowercase: bool,
    /// The width of hidden states.
    pub hidden_size: usize,
    /// The number of encoder layers.
    pub num_hidden_layers: usize,
    /// The number of attention heads.
    pub num_attention_heads: usize,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The number of positions.
    pub max_position_embeddings: usize,
    /// The dropout rate.
    pub dropout: f64,
}

impl Default for ScratchConfig {
    fn default() -> Self {
        ScratchConfig {
            tokenizer: None,
            vocab_size: 8000,
            lowercase: false,
            hidden_size: 256,
            num_hidden_layers: 4,
            num_attention_heads: 4,
            intermediate_size: 1024,
            max_position_embeddings: 256,
            dropout: 0.1,
        }
    }
}

impl ScratchConfig {
    /// The source that `tokenizer` names.
    pub fn tokenizer_source(&self) -> Option<ModelSource> {
        self.tokenizer.as_deref().map(ModelSource::parse)
    }

    pub(super) fn validate(&self) -> Result<()> {
        let heads = self.num_attention_heads;
        let key = |name: &str| format!("fetch.scratch.{name}");
        let named = match self.tokenizer_source() {
            None | Some(ModelSource::Folder(_)) => true,
            Some(ModelSource::Hub { id }) => is_hub_id(&id),
            Some(ModelSource::Scratch | ModelSource::Run(_)) => false,
        };
        require(
            named,
            &key("tokenizer"),
            "must be a folder that exists or a Hub id like `beomi/kcbert-base`",
        )?;
        require(self.vocab_size >= 100, &key("vocab_size"), "must be at least 100")?;
        require(self.num_hidden_layers >= 1, &key("num_hidden_layers"), "must be at least 1")?;
        require(self.intermediate_size >= 1, &key("intermediate_size"), "must be at least 1")?;
        require(self.max_position_embeddings >= 8, &key("max_position_embeddings"), "must be at least 8")?;
        require((0.0..1.0).contains(&self.dropout), &key("dropout"), "must lie in [0, 1)")?;
        let divides = heads >= 1 && self.hidden_size >= heads && self.hidden_size.is_multiple_of(heads);
        require(divides, &key("hidden_size"), "must be a multiple of num_attention_heads")
    }
}
