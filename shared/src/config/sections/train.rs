//! `[train]`: the optimization.

use std::fmt;
use std::str::FromStr;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over the train split; 0 takes the model as it is, with its head, and trains nothing.
    pub epochs: usize,
    /// Examples a step.
    pub batch_size: usize,
    /// How the examples of an epoch are put into batches.
    pub batch_order: BatchOrder,
    /// The learning rate at its highest.
    pub learning_rate: f64,
    pub schedule: Schedule,
    /// Decoupled weight decay, on everything but biases and LayerNorm.
    pub weight_decay: f64,
    /// AdamW's β₁.
    pub beta1: f64,
    /// AdamW's β₂.
    pub beta2: f64,
    /// AdamW's ε.
    pub epsilon: f64,
    /// Gradients are scaled down to this global norm; 0 leaves them alone.
    pub max_grad_norm: f64,
    /// In place of the dropout rates in the model's config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// `bf16` computes matrix products in bfloat16, with parameters and optimizer state in float32.
    pub precision: Precision,
    pub device: DeviceChoice,
    /// CPU threads; 0 takes every core. A small model on a busy machine is fastest with 1: threads that wait for
    /// each other lose more than they win.
    pub threads: usize,
    /// Steps between evaluations on dev; absent: once an epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluate_every_steps: Option<u64>,
    /// Steps between lines of `metrics.jsonl`.
    pub log_every_steps: u64,
    /// What makes a model the best, on dev.
    pub monitor: Monitor,
    /// The number of best models that are kept.
    pub save_top_k: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 3,
            batch_size: 32,
            batch_order: BatchOrder::Random,
            learning_rate: 5e-5,
            schedule: Schedule { warmup_ratio: 0.06, ..Schedule::default() },
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            max_grad_norm: 1.0,
            dropout: None,
            precision: Precision::F32,
            device: DeviceChoice::Auto,
            threads: 0,
            evaluate_every_steps: None,
            log_every_steps: 50,
            monitor: Monitor { metric: Metric::Loss, best: Best::Min },
            save_top_k: 1,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    pub kind: ScheduleKind,
    /// The steps over which the learning rate rises from 0, as a fraction of all steps.
    pub warmup_ratio: f64,
    /// The same as a number of steps, in place of the fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    /// The factor after every epoch; of the exponential schedule alone.
    pub gamma: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule { kind: ScheduleKind::Linear, warmup_ratio: 0.0, warmup_steps: None, gamma: 0.9 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
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
pub enum Precision {
    F32,
    Bf16,
}

/// Where the arithmetic runs: `auto`, `cpu` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// The first GPU if libtorch has one, else the CPU.
    Auto,
    Cpu,
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

/// A metric on dev and which end of it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    pub metric: Metric,
    pub best: Best,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    Loss,
    Accuracy,
    MacroF1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Best {
    Min,
    Max,
}

impl TrainConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        let finite_positive = |x: f64| x.is_finite() && x > 0.0;
        require(self.epochs <= 1_000_000, "train.epochs", "must not be above 1000000")?;
        require(self.batch_size >= 1, "train.batch_size", "must be at least 1")?;
        require(finite_positive(self.learning_rate), "train.learning_rate", "must be greater than 0")?;
        require(self.weight_decay >= 0.0, "train.weight_decay", "must not be negative")?;
        require((0.0..1.0).contains(&self.beta1), "train.beta1", "must lie in [0, 1)")?;
        require((0.0..1.0).contains(&self.beta2), "train.beta2", "must lie in [0, 1)")?;
        require(finite_positive(self.epsilon), "train.epsilon", "must be greater than 0")?;
        require(self.max_grad_norm >= 0.0, "train.max_grad_norm", "must not be negative")?;
        let dropout = self.dropout.is_none_or(|rate| (0.0..1.0).contains(&rate));
        require(dropout, "train.dropout", "must lie in [0, 1)")?;
        let every = self.evaluate_every_steps != Some(0);
        require(every, "train.evaluate_every_steps", "must be at least 1")?;
        require(self.log_every_steps >= 1, "train.log_every_steps", "must be at least 1")?;
        require(self.save_top_k >= 1, "train.save_top_k", "must be at least 1")?;
        let ratio = (0.0..=1.0).contains(&self.schedule.warmup_ratio);
        require(ratio, "train.schedule.warmup_ratio", "must lie between 0 and 1")?;
        let gamma = self.schedule.gamma > 0.0 && self.schedule.gamma <= 1.0;
        require(gamma, "train.schedule.gamma", "must lie in (0, 1]")?;
        let good_end = match self.monitor.metric {
            Metric::Loss => Best::Min,
            Metric::Accuracy | Metric::MacroF1 => Best::Max,
        };
        let advice =
            "would keep the worst model: best is \"min\" for loss, \"max\" for accuracy and macro_f1";
        require(self.monitor.best == good_end, "train.monitor", advice)
    }
}
