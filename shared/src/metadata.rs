//! The metadata in a stage's manifest for later stages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Weights;
use crate::layout::Split;
use crate::metric::MetricValues;

/// In fetch's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FetchMetadata {
    /// The name of the corpus.
    pub corpus: String,
    /// The licence of the corpus.
    pub licence: String,
    /// In the order of their ids.
    pub labels: Vec<String>,
    /// The number of examples of each split.
    pub examples: BTreeMap<Split, u64>,
    /// The name of the model.
    pub model: String,
    /// Tells whether `model/` holds weights or they are drawn.
    pub weights: Weights,
    /// The files of the corpus and the model.
    pub sources: Vec<Source>,
}

/// A file as its host served it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The address or the name of the file.
    pub location: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// In tokenize's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenizeMetadata {
    /// In the order of their ids.
    pub labels: Vec<String>,
    /// The width of rows, in tokens.
    pub max_seq_length: usize,
    /// The id of the padding token.
    pub pad_token_id: u32,
    /// The id of the mask token; none if the vocabulary has none.
    pub mask_token_id: Option<u32>,
    /// The ids of the special tokens, sorted: those around texts, padding, unknown and mask.
    pub special_token_ids: Vec<u32>,
    /// The statistics of each split.
    pub splits: BTreeMap<Split, SplitMetadata>,
}

/// Statistics of a split's features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitMetadata {
    /// The number of rows.
    pub rows: u64,
    /// The number of files.
    pub shards: usize,
    /// `length_histogram[n]` rows have `n` tokens, special tokens included, after truncation.
    pub length_histogram: Vec<u64>,
    /// Rows that were truncated, as a fraction.
    pub truncation_rate: f64,
    /// Tokens that are `[UNK]`, as a fraction of those that are no special tokens.
    pub unk_rate: f64,
}

/// In train's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainMetadata {
    /// The number of steps.
    pub steps: u64,
    /// The step after which the kept model was the best.
    pub best_step: u64,
    /// The metrics of the best model on dev.
    pub best_dev: MetricValues,
    /// The parameter count.
    pub parameters: usize,
}
