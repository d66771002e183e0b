//! The metadata in a stage's manifest for later stages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Weights;
use crate::layout::Split;
use crate::metric::MetricValues;

/// In fetch's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FetchMetadata {
    pub corpus: String,
    pub licence: String,
    /// In the order of their ids.
    pub labels: Vec<String>,
    pub examples: BTreeMap<Split, u64>,
    pub model: String,
    /// Tells whether `model/` holds weights or they are drawn.
    pub weights: Weights,
    pub sources: Vec<Source>,
}

/// A file as its host served it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub location: String,
    pub bytes: u64,
    pub sha256: String,
}

/// In tokenize's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenizeMetadata {
    /// In the order of their ids.
    pub labels: Vec<String>,
    pub max_seq_length: usize,
    pub pad_token_id: u32,
    /// The id of the mask token; none where the vocabulary has none.
    pub mask_token_id: Option<u32>,
    /// Tokens that stand for nothing in a text: those around texts, of padding, of the unknown and of the masked; sorted.
    pub special_token_ids: Vec<u32>,
    pub splits: BTreeMap<Split, SplitMetadata>,
}

/// Statistics of a split's features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitMetadata {
    pub rows: u64,
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
    pub steps: u64,
    /// The step after which the kept model was the best.
    pub best_step: u64,
    pub best_dev: MetricValues,
    pub parameters: usize,
}
