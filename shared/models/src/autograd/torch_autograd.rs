//! An encoder layer by libtorch's operations, on any device; libtorch's autograd computes the backward pass.

use model_files::HiddenAct;
use shared::config::Precision;
use tch::{Device, Kind, Tensor};

use super::layer::place;
use super::slices::as_slice_mut;
use crate::nn::dropout::{Masks, Site};
use crate::nn::encoder::LayerShape;
use crate::nn::layers::Mode;

/// One layer's forward pass, as libtorch recorded it.
pub(super) struct SavedForBackward {
    /// The inputs; those of frozen parameters require no gradient.
    leaves: Vec<Tensor>,
    output: Tensor,
}

impl SavedForBackward {
    /// Runs the layer on `tracked`, the hidden states and the parameters, and saves what its backward pass needs for those of
    /// them whose `wanted` is true.
    pub(super) fn forward(
        tracked: &[Tensor],
        wanted: &[bool],
        mask: &Tensor,
        shape: &LayerShape,
        precision: Precision,
    ) -> (Tensor, SavedForBackward) {
        let leaf = |(input, &wanted): (&Tensor, &bool)| input.detach().set_requires_grad(wanted);
        let leaves: Vec<Tensor> = tracked.iter().zip(wanted).map(leaf).collect();
        let output = forward(&leaves[0], mask, &leaves[1..], shape, precision);
        (output.detach(), SavedForBackward { leaves, output })
    }

    /// The gradients of the tracked inputs, from the output's; None where it is not wanted.
    pub(super) fn backward(&self, gradient: &Tensor) -> Vec<Option<Tensor>> {
        // tch's binding starts from a scalar only; the derivative of this product is the gradient.
        let (output, leaves) = (&self.output, &self.leaves);
        let product = output.flatten(0, -1).dot(&gradient.to_kind(output.kind()).flatten(0, -1));
        let wanted: Vec<&Tensor> = leaves.iter().filter(|leaf| leaf.requires_grad()).collect();
        let mut gradients = Tensor::run_backward(&[product], &wanted, false, false).into_iter();
        let of = |leaf: &Tensor| leaf.requires_grad().then(|| gradients.next()).flatten();
        leaves.iter().map(of).collect()
    }
}

/// A post-LN layer: `[batch, seq, hidden]` → `[batch, seq, hidden]`. In bfloat16 the projections and attention take bfloat16
/// copies; the residual stream, LayerNorm and the parameters stay float32.
pub(super) fn forward(
    x: &Tensor,
    mask: &Tensor,
    parameters: &[Tensor],
    shape: &LayerShape,
    precision: Precision,
) -> Tensor {
    let cast = |tensor: &Tensor| match precision {
        Precision::F32 => tensor.shallow_clone(),
        Precision::Bf16 => tensor.to_kind(Kind::BFloat16),
    };
    let linear =
        |x: &Tensor, index: usize| x.linear(&cast(&parameters[index]), Some(cast(&parameters[index + 1])));
    let norm = |x: Tensor, index: usize| {
        let hidden = parameters[index].size();
        x.layer_norm(hidden, Some(&parameters[index]), Some(&parameters[index + 1]), shape.eps, true)
    };
    let drop = |x, site| dropout(x, shape.hidden_dropout, shape.mode, site);
    let attended = linear(&attention(&cast(x), &cast(mask), shape, linear), place::ATTENTION_OUTPUT);
    let middle = norm(x + drop(attended, Site::AttentionOutput(shape.layer)), place::ATTENTION_NORM);
    let intermediate = linear(&cast(&middle), place::INTERMEDIATE);
    let intermediate = activate(&intermediate, shape.hidden_act);
    let output = linear(&intermediate, place::OUTPUT);
    norm(&middle + drop(output, Site::Output(shape.layer)), place::OUTPUT_NORM)
}

/// Scaled dot-product attention: `[batch, seq, hidden]` → `[batch, seq, hidden]`.
fn attention(
    x: &Tensor,
    mask: &Tensor,
    shape: &LayerShape,
    linear: impl Fn(&Tensor, usize) -> Tensor,
) -> Tensor {
    let size = x.size();
    let (batch, seq, hidden) = (size[0], size[1], size[2]);
    let count = shape.heads as i64;
    let heads = |index| linear(x, index).view([batch, seq, count, hidden / count]).transpose(1, 2);
    let (query, key, value) = (heads(place::QUERY), heads(place::KEY), heads(place::VALUE));
    let rate = shape.attention_dropout;
    let context = match shape.mode {
        // libtorch's kernel computes the same on the CPU with dropout, but it takes no masks.
        Mode::Training(Masks::Keyed(_)) if rate > 0.0 => {
            let scores = (query / (hidden as f64 / count as f64).sqrt()).matmul(&key.transpose(2, 3)) + mask;
            let probs = scores.softmax(-1, Kind::Float);
            let probs = dropout(probs, rate, shape.mode, Site::Attention(shape.layer));
            probs.to_kind(value.kind()).matmul(&value)
        }
        mode => {
            let rate = if matches!(mode, Mode::Training(_)) { rate } else { 0.0 };
            Tensor::scaled_dot_product_attention(&query, &key, &value, Some(mask), rate, false, None, false)
        }
    };
    context.transpose(1, 2).reshape([batch, seq, hidden])
}

fn dropout(x: Tensor, rate: f64, mode: Mode, site: Site) -> Tensor {
    match mode {
        Mode::Training(_) if rate == 0.0 => x,
        Mode::Training(Masks::Keyed(key)) => {
            let mut mask = Tensor::empty(x.size(), (Kind::Float, Device::Cpu));
            let shape: Vec<usize> = x.size().iter().map(|&size| size as usize).collect();
            key.mask(site, rate).fill(site.row_length(&shape), as_slice_mut(&mut mask));
            x * mask
        }
        Mode::Training(Masks::Device) => x.dropout(rate, true),
        Mode::Inference => x,
    }
}

fn activate(x: &Tensor, hidden_act: HiddenAct) -> Tensor {
    match hidden_act {
        HiddenAct::Gelu => x.gelu("none"),
        HiddenAct::GeluNew => x.gelu("tanh"),
        HiddenAct::Relu => x.relu(),
        HiddenAct::Gelu10 => x.gelu("none").clamp(-10.0, 10.0),
        HiddenAct::QuickGelu => x * (x * 1.702).sigmoid(),
        HiddenAct::Silu => x.silu(),
    }
}
