//! The building blocks, with parameters in the orientation and under the names of the Hub's files.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::{Distribution, Int, Tensor, TensorData, module::embedding};

use crate::device::Implementation;
use crate::nn::dropout::{Masks, Site};
use crate::weights::parameters::{Init, ParameterSource};

/// `x·Wᵀ + b`.
#[derive(Module, Debug)]
pub(crate) struct Dense {
    /// `[out, in]`
    pub(crate) weight: Param<Tensor<2>>,
    /// `[out]`
    pub(crate) bias: Param<Tensor<1>>,
}

impl Dense {
    pub(crate) fn build(source: &mut ParameterSource<'_>, name: &str, shape: [usize; 2]) -> Result<Dense> {
        Ok(Dense {
            weight: source.take(&format!("{name}.weight"), shape, Init::Normal)?,
            bias: source.take(&format!("{name}.bias"), [shape[0]], Init::Zeros)?,
        })
    }

    /// `[n, in]` → `[n, out]`. Two dimensions on purpose: burn keeps a product with a 3-D input batched, which
    /// costs several times as much.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        linear(x, self.weight.val(), self.bias.val(), Implementation::Plain)
    }
}

/// `x·Wᵀ + b`: `[n, in]`, `[out, in]` and `[out]` → `[n, out]`, all float32; the implementation says what the product takes.
pub(crate) fn linear(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    implementation: Implementation,
) -> Tensor<2> {
    match implementation {
        #[cfg(feature = "libtorch")]
        Implementation::Fused(precision) => crate::autograd::linear(x, weight, bias, precision),
        Implementation::Plain => x.matmul(weight.transpose()) + bias.unsqueeze(),
    }
}

/// Layer normalization over the last dimension (Ba et al., 2016, <https://arxiv.org/abs/1607.06450>).
#[derive(Module, Debug)]
pub(crate) struct LayerNorm {
    /// `[hidden]`
    pub(crate) weight: Param<Tensor<1>>,
    /// `[hidden]`
    pub(crate) bias: Param<Tensor<1>>,
}

impl LayerNorm {
    pub(crate) fn build(source: &mut ParameterSource<'_>, name: &str, hidden: usize) -> Result<LayerNorm> {
        Ok(LayerNorm {
            weight: source.take(&format!("{name}.weight"), [hidden], Init::Ones)?,
            bias: source.take(&format!("{name}.bias"), [hidden], Init::Zeros)?,
        })
    }

    /// `[n, hidden]` → `[n, hidden]`
    pub(crate) fn forward(&self, x: Tensor<2>, eps: f64) -> Tensor<2> {
        let centred = x.clone() - x.mean_dim(1);
        let variance = centred.clone().square().mean_dim(1);
        centred / (variance + eps).sqrt() * self.weight.val().unsqueeze() + self.bias.val().unsqueeze()
    }
}

/// A table of vectors.
#[derive(Module, Debug)]
pub(crate) struct Embedding {
    /// `[rows, hidden]`
    pub(crate) weight: Param<Tensor<2>>,
}

impl Embedding {
    pub(crate) fn build(
        source: &mut ParameterSource<'_>,
        name: &str,
        shape: [usize; 2],
        init: Init,
    ) -> Result<Embedding> {
        Ok(Embedding { weight: source.take(&format!("{name}.weight"), shape, init)? })
    }

    /// `[batch, seq]` → `[batch, seq, hidden]`
    pub(crate) fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        embedding(self.weight.val(), ids)
    }
}

/// Training drops units; inference does not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    Training(Masks),
    Inference,
}

/// Inverted dropout: zero with probability `rate`, else divided by `1 - rate`.
pub(crate) fn dropout<const D: usize>(x: Tensor<D>, rate: f64, mode: Mode, site: Site) -> Tensor<D> {
    let Mode::Training(masks) = mode else { return x };
    if rate == 0.0 {
        return x;
    }
    let mask = match masks {
        Masks::Keyed(key) => {
            let mut values = vec![0.0; x.shape().num_elements()];
            key.mask(site, rate).fill(site.row_length(&x.dims()), &mut values);
            Tensor::from_data(TensorData::new(values, x.shape()), &x.device())
        }
        Masks::Device => x.random_like(Distribution::Bernoulli(1.0 - rate)) / (1.0 - rate),
    };
    x * mask
}
