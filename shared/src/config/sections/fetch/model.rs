//! The model that training starts from.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

/// The source that `fetch.model` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// `scratch`: a new BERT with random weights.
    Scratch,
    /// A local folder in the Hub layout.
    Folder(PathBuf),
    /// A repository on the Hugging Face Hub.
    Hub {
        /// The id, such as `beomi/kcbert-base`.
        id: String,
    },
    /// `run:NAME`: the model that the run of this name has trained in the same work folder.
    Run(String),
}

const RUN: &str = "run:";

impl ModelSource {
    /// Reads `fetch.model`. As in `transformers`, an existing folder takes precedence over a Hub id of the same spelling.
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

/// The weights that training starts from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// The weights of the model.
    #[default]
    Pretrained,
    /// New weights, drawn at random.
    Random,
}

/// The keys of `[fetch.scratch]`: a BERT with random weights, and either a WordPiece vocabulary trained on the corpus or the
/// tokenizer of another model. The names are those of `BertConfig` in `transformers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScratchConfig {
    /// The model whose tokenizer is used, a Hub id or a folder. Absent: a WordPiece vocabulary is trained on the corpus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// The number of entries of the vocabulary to train, at least 100. Unused with `tokenizer`.
    pub vocab_size: usize,
    /// Texts are put in lower case before they are tokenized. Unused with `tokenizer`.
    pub lowercase: bool,
    /// The width of the encoder; a multiple of `num_attention_heads`.
    pub hidden_size: usize,
    /// The number of encoder layers.
    pub num_hidden_layers: usize,
    /// The number of attention heads of a layer.
    pub num_attention_heads: usize,
    /// The width of the feed-forward layers.
    pub intermediate_size: usize,
    /// The maximum number of tokens of an input, at least 8.
    pub max_position_embeddings: usize,
    /// The dropout rate of hidden states and of attention probabilities, in [0, 1).
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
