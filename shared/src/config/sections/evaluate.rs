//! `[evaluate]`: the split and the computation.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::train::{DeviceChoice, Precision};
use crate::config::require;
use crate::layout::Split;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
/// The section `[evaluate]`.
pub struct EvaluateConfig {
    /// The split that is evaluated.
    pub split: Split,
    /// Examples at a time; the result is the same for any number but for rounding.
    pub batch_size: usize,
    /// The precision of matrix products.
    pub precision: Precision,
    /// The device that computes.
    pub device: DeviceChoice,
    /// CPU threads; 0 takes every core.
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
