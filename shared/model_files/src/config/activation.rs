//! The activations that `transformers` has under several names.

use serde::{Deserialize, Serialize};

/// The feed-forward activation. It is written back under the first of its names, all of which `transformers` reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HiddenAct {
    /// x·Φ(x), by the error function.
    #[default]
    #[serde(rename = "gelu", alias = "gelu_python")]
    Gelu,
    /// Its tanh approximation.
    #[serde(
        rename = "gelu_new",
        alias = "gelu_pytorch_tanh",
        alias = "gelu_python_tanh",
        alias = "gelu_fast",
        alias = "gelu_accurate"
    )]
    GeluNew,
    #[serde(rename = "relu")]
    Relu,
    /// [`HiddenAct::Gelu`], at most 10.
    #[serde(rename = "gelu_10")]
    Gelu10,
    /// x·σ(1.702·x), σ the logistic function.
    #[serde(rename = "quick_gelu")]
    QuickGelu,
    /// x·σ(x).
    #[serde(rename = "silu", alias = "swish")]
    Silu,
}

impl HiddenAct {
    pub const ALL: [HiddenAct; 6] = [
        HiddenAct::Gelu,
        HiddenAct::GeluNew,
        HiddenAct::Relu,
        HiddenAct::Gelu10,
        HiddenAct::QuickGelu,
        HiddenAct::Silu,
    ];
}
