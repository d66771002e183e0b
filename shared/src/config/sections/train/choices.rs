//! The types of the keys of `[train]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::metric::Metric;

/// The order of the examples of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchOrder {
    /// The order of the train split, the same in every epoch.
    Sequential,
    /// A new seeded shuffle in every epoch.
    Random,
    /// A seeded shuffle, sorted by length within windows of 50 batches, with the batches shuffled again. The examples of a
    /// batch have similar lengths and need little padding; the order of the batches is random.
    GroupedByLength,
}

/// The keys of `[train.schedule]`: the factor of `train.learning_rate` at each step, with a linear warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// The course after the warm-up: `constant`, `linear`, `exponential` or `cosine`.
    pub kind: ScheduleKind,
    /// The fraction of all steps over which the learning rate rises from 0, in [0, 1].
    pub warmup_ratio: f64,
    /// The number of warm-up steps, in place of `warmup_ratio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    /// The factor that the learning rate is multiplied by after every epoch, in (0, 1]; only for `exponential`.
    pub gamma: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule { kind: ScheduleKind::Linear, warmup_ratio: 0.0, warmup_steps: None, gamma: 0.9 }
    }
}

/// The course of the learning rate after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// The learning rate stays the same.
    Constant,
    /// The learning rate falls linearly to 0 at the last step.
    Linear,
    /// The learning rate is multiplied by `gamma` after every epoch.
    Exponential,
    /// The learning rate falls to 0 at the last step along half a cosine.
    Cosine,
}

/// The number format of matrix products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// float32.
    F32,
    /// bfloat16, with parameters and optimizer state in float32.
    Bf16,
}

/// A device: `auto`, `cpu` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// The first GPU that libtorch finds, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU with this CUDA index.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(DeviceChoice::Cuda)
                .ok_or_else(|| format!("no device is called `{text}`: use `auto`, `cpu` or `cuda:N`")),
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(device: DeviceChoice) -> String {
        device.to_string()
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// The keys of `[train.monitor]`: the metric on dev that chooses the best model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    /// The name of the metric, as in `metrics.jsonl`.
    pub metric: Metric,
    /// `min` for `loss` and `perplexity`, `max` for all other metrics.
    pub best: Best,
}

/// The end of a metric's range that is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Best {
    /// The lowest value is best.
    Min,
    /// The highest value is best.
    Max,
}

/// The keys of `[train.freeze]`: parameters that are not trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Freeze {
    /// The embeddings are not trained.
    pub embeddings: bool,
    /// The number of lowest encoder layers that are not trained.
    pub layers: usize,
}

/// The weight of each label in the loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "class_weights is a list of numbers, one a label, or \"balanced\"")]
pub enum ClassWeights {
    /// One weight for each label, in the order of the label ids.
    Given(Vec<f64>),
    /// Weights by the frequency of the labels.
    ByFrequency(ByFrequency),
}

/// Weights that are computed from the label counts of the train split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByFrequency {
    /// `examples / (labels · examples of the label)`, as `class_weight="balanced"` in scikit-learn.
    Balanced,
}
