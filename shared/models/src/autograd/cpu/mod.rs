//! An encoder layer on the CPU, forwards and backwards: the kernels on tensors. What the backward pass needs is saved in
//! the number format of the products' operands.

mod activation;
mod attention;
mod feed_forward;
pub(super) mod gemm;
mod layer_norm;
mod parameters;
mod self_attention;

use half::bf16;
use kernels::{DropoutMask, cast, column_sum};
use rayon::prelude::*;
use shared::config::Precision;
use tch::{Kind, Tensor};

use self::parameters::{Gradients, Parameters};
use super::slices::{TensorElement, as_slice, as_slice_mut, empty};
use crate::nn::dropout::{Masks, Site};
use crate::nn::encoder::LayerShape;
use crate::nn::layers::Mode;

/// Rows of one thread's part of a batch: enough to make up for reading all weights.
pub(super) const ROWS_PER_PART: i64 = 256;

/// `[batch, seq, hidden]` → `[batch, seq, hidden]`; `mask` is `[batch, 1, 1, seq]`. If the kernels take all products and there are
/// enough rows, each thread takes some batch elements through the whole layer, in its own caches, and then helps the others.
pub(super) fn infer(
    x: &Tensor,
    mask: &Tensor,
    parameters: &[Tensor],
    shape: &LayerShape,
    precision: Precision,
) -> Tensor {
    let size = x.size();
    let most = (size[0] * size[1] / ROWS_PER_PART).min(rayon::current_num_threads() as i64).min(size[0]);
    let by_kernels =
        precision == Precision::Bf16 && Parameters::new(parameters, shape).kernels_take_products();
    // In training masks depend on a row's number in the batch, and libtorch has threads of its own.
    if most < 2 || !by_kernels || !matches!(shape.mode, Mode::Inference) {
        return forward(x, mask, parameters, shape, precision).0;
    }
    let mut out = empty::<f32>(&size);
    let mut rest = as_slice_mut::<f32>(&mut out);
    let mut parts = Vec::new();
    for (x, mask) in x.chunk(most, 0).into_iter().zip(mask.chunk(most, 0)) {
        let parameters: Vec<Tensor> = parameters.iter().map(Tensor::shallow_clone).collect();
        let (out, after) = rest.split_at_mut(x.numel());
        rest = after;
        parts.push((out, x, mask, parameters));
    }
    parts.into_par_iter().for_each(|(out, x, mask, parameters)| {
        let states = forward(&x, &mask, &parameters, shape, precision).0;
        out.copy_from_slice(as_slice::<f32>(&states));
    });
    out
}

/// The values of the forward pass that the backward pass needs. In the parts of a layer `N` is float32 or bfloat16, and `n` is
/// batch · seq.
pub(super) struct SavedForBackward {
    shape: LayerShape,
    precision: Precision,
    attention: self_attention::SavedForBackward,
    feed_forward: feed_forward::SavedForBackward,
}

/// `[batch, seq, hidden]` → `[batch, seq, hidden]`, and in training what the backward pass needs; `mask` is
/// `[batch, 1, 1, seq]`.
pub(super) fn forward(
    x: &Tensor,
    mask: &Tensor,
    parameters: &[Tensor],
    shape: &LayerShape,
    precision: Precision,
) -> (Tensor, Option<SavedForBackward>) {
    let (size, parameters) = (x.size(), Parameters::new(parameters, shape));
    let flat = x.reshape([-1, size[2]]).contiguous();
    let (states, saved) = match precision {
        Precision::F32 => halves::<f32>(&flat, mask, &parameters),
        Precision::Bf16 => halves::<bf16>(&flat, mask, &parameters),
    };
    let saved = saved.map(|(attention, feed_forward)| SavedForBackward {
        shape: *shape,
        precision,
        attention,
        feed_forward,
    });
    (states.view_(&size), saved)
}

fn halves<N: TensorElement>(
    x: &Tensor,
    mask: &Tensor,
    parameters: &Parameters<'_>,
) -> (Tensor, Option<(self_attention::SavedForBackward, feed_forward::SavedForBackward)>) {
    let (middle, attention) = self_attention::forward::<N>(x, mask, parameters);
    let (states, feed_forward) = feed_forward::forward::<N>(&middle, parameters);
    (states, attention.zip(feed_forward))
}

impl SavedForBackward {
    /// The gradients of the hidden states and of the parameters, in their order, where they are `wanted`.
    pub(super) fn backward(&self, gradient: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        match self.precision {
            Precision::F32 => self.halves_backward::<f32>(gradient, wanted),
            Precision::Bf16 => self.halves_backward::<bf16>(gradient, wanted),
        }
    }

    fn halves_backward<N: TensorElement>(&self, gradient: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let size = gradient.size();
        let mut gradients = Gradients::new(&wanted[1..]);
        let states = gradient.reshape([-1, size[2]]);
        let middle = self.feed_forward.backward::<N>(&states, &self.shape, &mut gradients);
        let x = self.attention.backward::<N>(&middle, &self.shape, &mut gradients);
        let x = wanted[0].then(|| x.sum().view_(&size));
        std::iter::once(x).chain(gradients.all()).collect()
    }
}

/// A gradient in two parts, which the next reader adds up.
struct Branched {
    /// `[n, hidden]`: along the residual connection.
    residual: Tensor,
    /// `N[n, hidden]`: through the branch.
    branch: Tensor,
}

impl Branched {
    fn sum(self) -> Tensor {
        self.residual + self.branch
    }
}

/// `x` in `N`; for float32 the same memory. `x` is contiguous, in float32.
fn to_kind<N: TensorElement>(x: &Tensor) -> Tensor {
    if N::KIND == Kind::Float {
        return x.shallow_clone();
    }
    let mut out = empty::<bf16>(&x.size());
    cast::to_bf16(as_slice_mut(&mut out), as_slice(x));
    out
}

/// `N[n, width]` → `[width]`
pub(super) fn column_sums<N: TensorElement>(matrix: &Tensor) -> Tensor {
    let mut sums = empty::<f32>(&matrix.size()[1..]);
    column_sum::column_sums(as_slice_mut(&mut sums), as_slice::<N>(matrix));
    sums
}

/// None without dropout.
fn dropout_mask(shape: &LayerShape, rate: f64, site: Site) -> Option<DropoutMask> {
    match shape.mode {
        Mode::Training(Masks::Keyed(key)) if rate > 0.0 => Some(key.mask(site, rate)),
        Mode::Training(Masks::Device) => unreachable!("on the CPU masks are drawn from their key"),
        _ => None,
    }
}
