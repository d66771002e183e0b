//! `[fetch]`: which corpus and which model.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchConfig {
    /// A corpus of the registry (`fetch --list`), or none where `fetch.files` names own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus: Option<CorpusName>,
    /// Own files in place of a registered corpus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesConfig>,
    /// A Hub id (`beomi/kcbert-base`), a local folder in the Hub layout, or `scratch`.
    pub model: String,
    /// The Hub revision: a branch, a tag or a commit.
    #[serde(default = "main_revision")]
    pub revision: String,
    /// `random` takes the model's architecture and tokenizer and leaves its weights.
    #[serde(default)]
    pub weights: Weights,
    /// The architecture and vocabulary of a model from scratch.
    #[serde(default)]
    pub scratch: ScratchConfig,
    /// A folder or address that holds `HOST/PATH` for every `https://HOST/PATH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// Never open a socket: only the cache, a mirror folder and local files.
    #[serde(default)]
    pub offline: bool,
    /// The part of train that becomes dev where the corpus has none.
    #[serde(default = "default_dev_fraction")]
    pub dev_fraction: f64,
}

fn main_revision() -> String {
    "main".to_owned()
}

fn default_dev_fraction() -> f64 {
    0.05
}

/// The registered corpora; `fetch/src/corpus/` has one file for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorpusName {
    Nsmc,
}

impl CorpusName {
    pub const ALL: [CorpusName; 1] = [CorpusName::Nsmc];
}

/// Whether a model's weights are taken or drawn anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    #[default]
    Pretrained,
    Random,
}

/// Own files: one a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    pub train: PathBuf,
    /// Absent: `fetch.dev_fraction` of train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<PathBuf>,
    /// Absent: there is nothing to evaluate on but dev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Absent: by the file's extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    #[serde(default)]
    pub columns: FileColumns,
    /// The labels in the order of their ids. Absent: those that stand in train, sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

/// How own files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Tab-separated with a header line; quotes are ordinary characters.
    Tsv,
    /// Comma-separated with a header line and RFC 4180 quoting.
    Csv,
    /// One JSON object a line.
    Jsonl,
    Parquet,
}

/// The names of the columns in own files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileColumns {
    /// Absent: `<split>-<row>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub text: String,
    pub label: String,
}

impl Default for FileColumns {
    fn default() -> Self {
        FileColumns { id: None, text: "text".into(), label: "label".into() }
    }
}

/// A BERT with random weights and a WordPiece vocabulary trained on the corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScratchConfig {
    pub vocab_size: usize,
    pub lowercase: bool,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub max_position_embeddings: usize,
    pub dropout: f64,
}

impl Default for ScratchConfig {
    fn default() -> Self {
        ScratchConfig {
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

/// What `fetch.model` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    Scratch,
    Folder(PathBuf),
    Hub { id: String },
}

impl FetchConfig {
    /// As in `transformers`, a folder that exists wins over a Hub id of the same spelling.
    pub fn model_source(&self) -> ModelSource {
        let path = Path::new(&self.model);
        if self.model == "scratch" {
            ModelSource::Scratch
        } else if path.is_dir() || path.is_absolute() || self.model.starts_with('.') {
            ModelSource::Folder(path.to_owned())
        } else {
            ModelSource::Hub { id: self.model.clone() }
        }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let one_corpus = self.corpus.is_some() != self.files.is_some();
        require(
            one_corpus,
            "fetch.corpus",
            "or `fetch.files` must be given, and not both; see `fetch --list`",
        )?;
        require(!self.model.is_empty(), "fetch.model", "must name a Hub id, a folder or `scratch`")?;
        if let ModelSource::Hub { id } = self.model_source() {
            let hub_id =
                id.split('/').count() <= 2 && !id.contains("..") && !id.contains(char::is_whitespace);
            require(
                hub_id,
                "fetch.model",
                "is neither a folder that exists nor a Hub id like `beomi/kcbert-base`",
            )?;
        }
        require(!self.revision.is_empty(), "fetch.revision", "must not be empty")?;
        let fraction = self.dev_fraction > 0.0 && self.dev_fraction < 1.0;
        require(fraction, "fetch.dev_fraction", "must lie between 0 and 1")?;
        if let Some(labels) = self.files.as_ref().and_then(|files| files.labels.as_ref()) {
            let mut distinct = labels.clone();
            distinct.sort();
            distinct.dedup();
            let good = labels.len() >= 2 && distinct.len() == labels.len();
            require(good, "fetch.files.labels", "must list at least two different labels")?;
        }
        self.scratch.validate()
    }
}

impl ScratchConfig {
    fn validate(&self) -> Result<()> {
        let heads = self.num_attention_heads;
        let key = |name: &str| format!("fetch.scratch.{name}");
        require(self.vocab_size >= 100, &key("vocab_size"), "must be at least 100")?;
        require(self.num_hidden_layers >= 1, &key("num_hidden_layers"), "must be at least 1")?;
        require(self.intermediate_size >= 1, &key("intermediate_size"), "must be at least 1")?;
        require(self.max_position_embeddings >= 8, &key("max_position_embeddings"), "must be at least 8")?;
        require((0.0..1.0).contains(&self.dropout), &key("dropout"), "must lie in [0, 1)")?;
        let divides = heads >= 1 && self.hidden_size >= heads && self.hidden_size.is_multiple_of(heads);
        require(divides, &key("hidden_size"), "must be a multiple of num_attention_heads")
    }
}
