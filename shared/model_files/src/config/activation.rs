//! The activations, some of which have several names in `transformers`.

use serde::{Deserialize, Serialize};

/// The activation of the feed-forward block. It is written under the first of its names; `transformers` reads them all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HiddenAct {
    /// GELU: x·Φ(x) with the error function (Hendrycks and Gimpel, 2016, <https://arxiv.org/abs/1606.08415>).
    #[default]
    #[serde(rename = "gelu", alias = "gelu_python")]
    Gelu,
    /// The tanh approximation of GELU.
    #[serde(
        rename = "gelu_new",
        alias = "gelu_pytorch_tanh",
        alias = "gelu_python_tanh",
        alias = "gelu_fast",
        alias = "gelu_accurate"
    )]
    GeluNew,
    /// max(x, 0).
    #[serde(rename = "relu")]
    Relu,
    /// [`HiddenAct::Gelu`], clipped to [-10, 10].
    #[serde(rename = "gelu_10")]
    Gelu10,
    /// x·σ(1.702·x), where σ is the logistic function.
    #[serde(rename = "quick_gelu")]
    QuickGelu,
    /// x·σ(x).
    #[serde(rename = "silu", alias = "swish")]
    Silu,
}

impl HiddenAct {
    /// Every activation.
    pub const ALL: [HiddenAct; 6] = [
        HiddenAct::Gelu,
        HiddenAct::GeluNew,
        HiddenAct::Relu,
        HiddenAct::Gelu10,
        HiddenAct::QuickGelu,
        HiddenAct::Silu,
    ];
}
