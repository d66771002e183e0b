//! The choices of the keys of `[train]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::metric::Metric;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
/// The order of the examples of an epoch.
pub enum BatchOrder {
    /// The order of the train split, epoch by epoch.
    Sequential,
    /// A seeded shuffle.
    Random,
    /// A seeded shuffle, sorted by length within windows of 50 batches, the batches shuffled again: batches of
    /// like lengths, which waste little on padding, in random order.
    GroupedByLength,
}

/// The learning rate over the steps, as a factor of `train.learning_rate`, after a linear warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// The shape after the warm-up.
    pub kind: ScheduleKind,
    /// The steps over which the learning rate rises from 0, as a fraction of all steps.
    pub warmup_ratio: f64,
    /// The warm-up as a number of steps, in place of the fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    /// The factor after every epoch, for the exponential schedule alone.
    pub gamma: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule { kind: ScheduleKind::Linear, warmup_ratio: 0.0, warmup_steps: None, gamma: 0.9 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
/// The shape of a schedule.
pub enum ScheduleKind {
    /// The peak to the end.
    Constant,
    /// Down to 0 at the last step.
    Linear,
    /// Times `gamma` after every epoch.
    Exponential,
    /// Half a cosine down to 0 at the last step.
    Cosine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
/// The precision of matrix products.
pub enum Precision {
    /// float32.
    F32,
    /// bfloat16, with parameters and sums in float32.
    Bf16,
}

/// The device that computes: `auto`, `cpu` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// The first GPU if libtorch has one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU with this index.
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

/// A metric on dev and its good end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    /// The metric.
    pub metric: Metric,
    /// Its good end.
    pub best: Best,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
/// The good end of a metric.
pub enum Best {
    /// The lowest value.
    Min,
    /// The highest value.
    Max,
}

/// Parameters that are not trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Freeze {
    /// Keeps the embeddings as they are.
    pub embeddings: bool,
    /// The number of lowest encoder layers that are not trained.
    pub layers: usize,
}

/// The weight of an example's loss, by its label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "class_weights is a list of numbers, one a label, or \"balanced\"")]
pub enum ClassWeights {
    /// A weight for each label, in label order.
    Given(Vec<f64>),
    /// Weights from the train split.
    ByFrequency(ByFrequency),
}

/// Weights that follow from the train split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByFrequency {
    /// examples / (labels · examples of the label), as scikit-learn's `balanced`.
    Balanced,
}
