//! An encoder layer on the CPU, forwards and backwards: products by libraries, everything between them in single
//! passes over memory. What the backward pass needs is kept as narrow as the products' operands.

mod activation;
mod aligned;
mod attention;
pub(super) mod columns;
mod feed_forward;
mod narrowing;
mod norm;
mod pairs;
mod parameters;
pub(super) mod products;
pub(super) mod rows;
mod self_attention;
mod softmax;
mod tiles;

use half::bf16;
use rayon::prelude::*;
use shared::config::Precision;
use tch::Tensor;

use super::memory::{Number, empty, numbers, numbers_mut};
use crate::dropout::{Masks, RowMasks, Site};
use crate::encoder::LayerShape;
use crate::layers::Mode;
use feed_forward::FeedForward;
use parameters::{Gradients, Parameters};
use self_attention::SelfAttention;

/// Rows for which it is worth a thread's while to read all weights.
pub(super) const ROWS_A_PART: i64 = 256;

/// `[batch, seq, hidden]` → the same; `mask` is `[batch, 1, 1, seq]`. Where a layer is ours alone and there are rows enough, each
/// thread takes some examples through all of it, in its own caches, and helps the others out when it is done.
pub(super) fn infer(
    x: &Tensor,
    mask: &Tensor,
    parameters: &[Tensor],
    shape: &LayerShape,
    precision: Precision,
) -> Tensor {
    let size = x.size();
    let most = (size[0] * size[1] / ROWS_A_PART).min(rayon::current_num_threads() as i64).min(size[0]);
    let ours = precision == Precision::Bf16 && Parameters::new(parameters, shape).taken_by_tiles();
    // In training masks follow from a row's number in the batch, and libtorch has threads of its own.
    if most < 2 || !ours || !matches!(shape.mode, Mode::Inference) {
        return forward(x, mask, parameters, shape, precision).0;
    }
    let mut out = empty::<f32>(&size);
    let mut rest = numbers_mut::<f32>(&mut out);
    let mut parts = Vec::new();
    for (x, mask) in x.chunk(most, 0).into_iter().zip(mask.chunk(most, 0)) {
        let parameters: Vec<Tensor> = parameters.iter().map(Tensor::shallow_clone).collect();
        let (out, after) = rest.split_at_mut(x.numel());
        rest = after;
        parts.push((out, x, mask, parameters));
    }
    parts.into_par_iter().for_each(|(out, x, mask, parameters)| {
        let states = forward(&x, &mask, &parameters, shape, precision).0;
        out.copy_from_slice(numbers::<f32>(&states));
    });
    out
}

/// What the backward pass needs of the forward pass. In the parts of a layer `N` is float32 or bfloat16, and `n` is
/// batch · seq.
pub(super) struct Saved {
    shape: LayerShape,
    precision: Precision,
    attention: SelfAttention,
    feed_forward: FeedForward,
}

/// `[batch, seq, hidden]` → the same, and in training what the backward pass needs; `mask` is `[batch, 1, 1, seq]`.
pub(super) fn forward(
    x: &Tensor,
    mask: &Tensor,
    parameters: &[Tensor],
    shape: &LayerShape,
    precision: Precision,
) -> (Tensor, Option<Saved>) {
    let (size, parameters) = (x.size(), Parameters::new(parameters, shape));
    let flat = x.reshape([-1, size[2]]).contiguous();
    let (states, kept) = match precision {
        Precision::F32 => halves::<f32>(&flat, mask, &parameters),
        Precision::Bf16 => halves::<bf16>(&flat, mask, &parameters),
    };
    let saved = |(attention, feed_forward)| Saved { shape: *shape, precision, attention, feed_forward };
    (states.view_(&size), kept.map(saved))
}

fn halves<N: Number>(
    x: &Tensor,
    mask: &Tensor,
    parameters: &Parameters<'_>,
) -> (Tensor, Option<(SelfAttention, FeedForward)>) {
    let (middle, attention) = SelfAttention::forward::<N>(x, mask, parameters);
    let (states, feed_forward) = FeedForward::forward::<N>(&middle, parameters);
    (states, attention.zip(feed_forward))
}

impl Saved {
    /// The gradients of the hidden states and of the parameters, in their order, for those that are `wanted`.
    pub(super) fn backward(&self, gradient: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        match self.precision {
            Precision::F32 => self.halves_backward::<f32>(gradient, wanted),
            Precision::Bf16 => self.halves_backward::<bf16>(gradient, wanted),
        }
    }

    fn halves_backward<N: Number>(&self, gradient: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let size = gradient.size();
        let mut of = Gradients::new(&wanted[1..]);
        let states = gradient.reshape([-1, size[2]]);
        let middle = self.feed_forward.backward::<N>(&states, &self.shape, &mut of);
        let x = self.attention.backward::<N>(&middle, &self.shape, &mut of);
        let x = wanted[0].then(|| x.sum().view_(&size));
        std::iter::once(x).chain(of.all()).collect()
    }
}

/// A gradient in two parts, of which the second is added where the sum is next read.
struct Branched {
    /// `[n, hidden]`: past the branch.
    residual: Tensor,
    /// `N[n, hidden]`: through the branch.
    branch: Tensor,
}

impl Branched {
    fn sum(self) -> Tensor {
        self.residual + self.branch
    }
}

/// None where nothing is dropped.
fn row_masks(shape: &LayerShape, rate: f64, site: Site) -> Option<RowMasks> {
    match shape.mode {
        Mode::Training(Masks::Keyed(key)) if rate > 0.0 => Some(key.rows(site, rate)),
        Mode::Training(Masks::Device) => unreachable!("on the CPU masks follow from their key"),
        _ => None,
    }
}
