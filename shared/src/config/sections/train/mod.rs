//! `[train]`: optimization, evaluation on dev, and checkpoints.

mod choices;
mod limit;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;
use crate::metric::Metric;

pub use choices::{
    BatchOrder, Best, ByFrequency, ClassWeights, DeviceChoice, Freeze, Monitor, Precision, Schedule,
    ScheduleKind,
};
pub use limit::BatchLimit;

/// The keys of `[train]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The number of passes over the train split. 0 trains nothing and uses the model with its head as it is.
    pub epochs: usize,
    /// The number of optimizer steps to train, in place of `epochs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// Examples per step. Absent: 32. With `batch_tokens` it is a maximum. Absent then: as many examples as `batch_tokens`
    /// allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// The maximum number of tokens per step, padding included. A batch takes as many examples as fit when each is padded to
    /// the longest, and at least one. Absent: only `batch_size` limits a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_tokens: Option<usize>,
    /// Examples per forward and backward pass; the gradients of a step are accumulated over the passes. Absent: all examples
    /// of a step. It is halved when memory runs out, set or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<usize>,
    /// The order of the examples of an epoch: `sequential`, `random` or `grouped_by_length`.
    pub batch_order: BatchOrder,
    /// The peak learning rate.
    pub learning_rate: f64,
    /// The peak learning rate of the head. Absent: `learning_rate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_learning_rate: Option<f64>,
    /// The learning rate of a layer divided by that of the layer above it, in (0, 1]. The embeddings are the lowest layer.
    pub layer_decay: f64,
    /// The parameters that are not trained.
    pub freeze: Freeze,
    /// The course of the learning rate.
    pub schedule: Schedule,
    /// Decoupled weight decay (Loshchilov and Hutter, 2019), on all parameters but biases and LayerNorm.
    pub weight_decay: f64,
    /// AdamW's β₁.
    pub beta1: f64,
    /// AdamW's β₂.
    pub beta2: f64,
    /// AdamW's ε.
    pub epsilon: f64,
    /// The maximum global L2 norm of the gradients; larger gradients are scaled down to it. 0 turns clipping off.
    pub max_grad_norm: f64,
    /// The share of a target's probability that is spread evenly over all labels, in [0, 1).
    pub label_smoothing: f64,
    /// The weights of the labels in the loss: a list with one number for each label, or `"balanced"`. Absent: all weigh the
    /// same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// The dropout rate, in [0, 1). Absent: the rates of the model's config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// The number format of matrix products: `f32` or `bf16`. Parameters and optimizer state are float32 in either case.
    pub precision: Precision,
    /// The device: `auto`, `cpu` or `cuda:N`.
    pub device: DeviceChoice,
    /// CPU threads; 0 uses every core. A small model is fastest with 1 if other programs use the CPU too.
    pub threads: usize,
    /// Steps between evaluations on dev. Absent: one evaluation per epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluate_every_steps: Option<u64>,
    /// The number of evaluations on dev per epoch, evenly spread, in place of `evaluate_every_steps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluations_per_epoch: Option<u64>,
    /// The number of evaluations without a new best value after which training stops. Absent: it never stops early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping_patience: Option<u64>,
    /// Steps between two lines of the training log `metrics.jsonl`.
    pub log_every_steps: u64,
    /// The metric on dev that chooses the best model.
    pub monitor: Monitor,
    /// The number of best models that are saved.
    pub save_top_k: usize,
    /// Steps between checkpoints. Absent: checkpoints by time only. There is also one at every new best model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every_steps: Option<u64>,
    /// Minutes between checkpoints; 0 means checkpoints by steps only.
    pub checkpoint_every_minutes: f64,
    /// Writes the values of `metrics.jsonl` as TensorBoard events too.
    pub tensorboard: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 3,
            max_steps: None,
            batch_size: None,
            batch_tokens: None,
            micro_batch_size: None,
            batch_order: BatchOrder::Random,
            learning_rate: 5e-5,
            head_learning_rate: None,
            layer_decay: 1.0,
            freeze: Freeze::default(),
            schedule: Schedule { warmup_ratio: 0.06, ..Schedule::default() },
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            max_grad_norm: 1.0,
            label_smoothing: 0.0,
            class_weights: None,
            dropout: None,
            precision: Precision::F32,
            device: DeviceChoice::Auto,
            threads: 0,
            evaluate_every_steps: None,
            evaluations_per_epoch: None,
            early_stopping_patience: None,
            log_every_steps: 50,
            monitor: Monitor { metric: Metric::Loss, best: Best::Min },
            save_top_k: 1,
            checkpoint_every_steps: None,
            checkpoint_every_minutes: 10.0,
            tensorboard: false,
        }
    }
}

impl TrainConfig {
    /// True if the model is used as it is, without training.
    pub fn trains_nothing(&self) -> bool {
        self.epochs == 0 && self.max_steps.is_none()
    }

    /// The maximum size of a batch.
    pub fn batch_limit(&self) -> BatchLimit {
        BatchLimit::of(self.batch_size, self.batch_tokens)
    }

    pub(crate) fn validate(&self) -> Result<()> {
        self.validate_length()?;
        self.validate_optimizer()?;
        self.validate_objective()?;
        self.validate_evaluation()
    }

    fn validate_length(&self) -> Result<()> {
        require(self.epochs <= 1_000_000, "train.epochs", "must not be above 1000000")?;
        require(self.max_steps != Some(0), "train.max_steps", "must be at least 1")?;
        require(self.batch_size != Some(0), "train.batch_size", "must be at least 1")?;
        require(self.batch_tokens != Some(0), "train.batch_tokens", "must be at least 1")?;
        let most = self.batch_limit().rows;
        let micro = self.micro_batch_size.is_none_or(|micro| (1..=most).contains(&micro));
        require(micro, "train.micro_batch_size", "must lie between 1 and train.batch_size")?;
        let minutes = self.checkpoint_every_minutes;
        let sound = (0.0..=1e6).contains(&minutes);
        require(sound, "train.checkpoint_every_minutes", "must lie between 0 and 1000000")?;
        let every = self.checkpoint_every_steps != Some(0);
        require(every, "train.checkpoint_every_steps", "must be at least 1")
    }

    fn validate_optimizer(&self) -> Result<()> {
        let finite_positive = |x: f64| x.is_finite() && x > 0.0;
        require(finite_positive(self.learning_rate), "train.learning_rate", "must be greater than 0")?;
        let head = self.head_learning_rate.is_none_or(finite_positive);
        require(head, "train.head_learning_rate", "must be greater than 0")?;
        let decay = self.layer_decay > 0.0 && self.layer_decay <= 1.0;
        require(decay, "train.layer_decay", "must lie in (0, 1]")?;
        require(self.weight_decay >= 0.0, "train.weight_decay", "must not be negative")?;
        require((0.0..1.0).contains(&self.beta1), "train.beta1", "must lie in [0, 1)")?;
        require((0.0..1.0).contains(&self.beta2), "train.beta2", "must lie in [0, 1)")?;
        require(finite_positive(self.epsilon), "train.epsilon", "must be greater than 0")?;
        require(self.max_grad_norm >= 0.0, "train.max_grad_norm", "must not be negative")?;
        let ratio = (0.0..=1.0).contains(&self.schedule.warmup_ratio);
        require(ratio, "train.schedule.warmup_ratio", "must lie between 0 and 1")?;
        let gamma = self.schedule.gamma > 0.0 && self.schedule.gamma <= 1.0;
        require(gamma, "train.schedule.gamma", "must lie in (0, 1]")
    }

    fn validate_objective(&self) -> Result<()> {
        let smoothing = (0.0..1.0).contains(&self.label_smoothing);
        require(smoothing, "train.label_smoothing", "must lie in [0, 1)")?;
        let weights = match &self.class_weights {
            Some(ClassWeights::Given(weights)) => {
                weights.iter().all(|&weight| weight.is_finite() && weight > 0.0)
            }
            Some(ClassWeights::ByFrequency(_)) | None => true,
        };
        require(weights, "train.class_weights", "must be greater than 0")?;
        let dropout = self.dropout.is_none_or(|rate| (0.0..1.0).contains(&rate));
        require(dropout, "train.dropout", "must lie in [0, 1)")
    }

    fn validate_evaluation(&self) -> Result<()> {
        let every = self.evaluate_every_steps != Some(0);
        require(every, "train.evaluate_every_steps", "must be at least 1")?;
        let times = self.evaluations_per_epoch != Some(0);
        require(times, "train.evaluations_per_epoch", "must be at least 1")?;
        let one = self.evaluate_every_steps.is_none() || self.evaluations_per_epoch.is_none();
        require(
            one,
            "train.evaluations_per_epoch",
            "and train.evaluate_every_steps are both set; leave one out",
        )?;
        let patience = self.early_stopping_patience != Some(0);
        require(patience, "train.early_stopping_patience", "must be at least 1")?;
        require(self.log_every_steps >= 1, "train.log_every_steps", "must be at least 1")?;
        require(self.save_top_k >= 1, "train.save_top_k", "must be at least 1")?;
        let good_end = self.monitor.metric.best();
        let advice =
            "would keep the worst model: best is \"min\" for loss and perplexity, \"max\" for all others";
        require(self.monitor.best == good_end, "train.monitor", advice)
    }
}
