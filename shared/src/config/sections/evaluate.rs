//! `[evaluate]`: the split to evaluate, and how it is computed.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::train::{DeviceChoice, Precision};
use crate::config::require;
use crate::layout::Split;

/// The keys of `[evaluate]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateConfig {
    /// The split to evaluate: `train`, `dev` or `test`.
    pub split: Split,
    /// Examples per batch. It changes the result only by rounding.
    pub batch_size: usize,
    /// The number format of matrix products: `f32` or `bf16`.
    pub precision: Precision,
    /// The device: `auto`, `cpu` or `cuda:N`.
    pub device: DeviceChoice,
    /// CPU threads; 0 uses every core.
    pub threads: usize,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        EvaluateConfig {
            split: Split::Test,
            batch_size: 64,
            precision: Precision::F32,
            device: DeviceChoice::Auto,
            threads: 0,
        }
    }
}

impl EvaluateConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        require(self.batch_size >= 1, "evaluate.batch_size", "must be at least 1")
    }
}
