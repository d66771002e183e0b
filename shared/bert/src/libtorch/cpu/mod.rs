//! An encoder layer on the CPU, forwards and backwards: products by libraries, everything between them in single
//! passes over memory. What the backward pass needs is kept as narrow as the products' operands.

mod attention;
mod columns;
mod norm;
mod products;
mod softmax;

use half::bf16;
use shared::config::Precision;
use tch::Tensor;

use super::memory::Number;
use crate::config::HiddenAct;
use crate::dropout::{Masks, RowMasks, Site};
use crate::encoder::LayerShape;
use crate::layers::Mode;
use attention::Heads;
use columns::column_sums;
use norm::Normed;

/// Where a layer's parameters stand among its 16.
mod place {
    pub(super) const QUERY: usize = 0;
    pub(super) const ATTENTION_OUTPUT: usize = 6;
    pub(super) const ATTENTION_NORM: usize = 8;
    pub(super) const INTERMEDIATE: usize = 10;
    pub(super) const OUTPUT: usize = 12;
    pub(super) const OUTPUT_NORM: usize = 14;
}

/// What the backward pass needs of the forward pass; `N` is float32 or bfloat16, `n` is batch · seq.
pub(super) struct Saved {
    shape: LayerShape,
    precision: Precision,
    batch: i64,
    /// `N[n, hidden]`
    x: Tensor,
    /// `N[3·hidden, hidden]`: query, key and value, one under the other.
    projection: Tensor,
    /// Absent without training.
    heads: Option<Heads>,
    /// `N[n, hidden]`
    context: Tensor,
    /// `N[hidden, hidden]`, `N[wide, hidden]`, `N[hidden, wide]`
    attention_output: Tensor,
    intermediate: Tensor,
    output: Tensor,
    middle: Normed,
    /// `N[n, hidden]`
    narrow_middle: Tensor,
    /// `N[n, wide]`, before and after the activation.
    wide: Tensor,
    activated: Tensor,
    last: Normed,
}

/// `[batch, seq, hidden]` → the same; `mask` is `[batch, 1, 1, seq]`.
pub(super) fn forward(
    x: &Tensor,
    mask: &Tensor,
    parameters: &[Tensor],
    shape: &LayerShape,
    precision: Precision,
) -> (Tensor, Saved) {
    match precision {
        Precision::F32 => typed_forward::<f32>(x, mask, parameters, shape, precision),
        Precision::Bf16 => typed_forward::<bf16>(x, mask, parameters, shape, precision),
    }
}

fn typed_forward<N: Number>(
    x: &Tensor,
    mask: &Tensor,
    parameters: &[Tensor],
    shape: &LayerShape,
    precision: Precision,
) -> (Tensor, Saved) {
    let size = x.size();
    let (batch, hidden) = (size[0], size[2]);
    let flat = x.reshape([-1, hidden]);
    let narrow = |index: usize| parameters[index].to_kind(N::KIND);
    let dense =
        |x: &Tensor, weight: &Tensor, index: usize| products::linear::<N>(x, weight, &narrow(index + 1));
    let norm = |x: &Tensor, branch: &Tensor, site, index: usize| {
        let masks = row_masks(shape, shape.hidden_dropout, site);
        norm::forward::<N>(x, branch, &parameters[index], &parameters[index + 1], shape.eps, masks)
    };

    let narrow_x = flat.to_kind(N::KIND);
    let [projection, bias] =
        [0, 1].map(|offset| Tensor::cat(&[0, 2, 4].map(|index| narrow(place::QUERY + index + offset)), 0));
    let projected = products::linear::<N>(&narrow_x, &projection, &bias);
    let (context, heads) = attention::forward::<N>(&projected, mask, batch, shape);
    let attention_output = narrow(place::ATTENTION_OUTPUT);
    let attended = dense(&context, &attention_output, place::ATTENTION_OUTPUT);
    let (residual, middle) =
        norm(&flat, &attended, Site::AttentionOutput(shape.layer), place::ATTENTION_NORM);

    let narrow_middle = residual.to_kind(N::KIND);
    let intermediate = narrow(place::INTERMEDIATE);
    let wide = dense(&narrow_middle, &intermediate, place::INTERMEDIATE);
    let activated = activate(&wide, shape.hidden_act);
    let output = narrow(place::OUTPUT);
    let back = dense(&activated, &output, place::OUTPUT);
    let (states, last) = norm(&residual, &back, Site::Output(shape.layer), place::OUTPUT_NORM);
    let saved = Saved {
        shape: *shape,
        precision,
        batch,
        x: narrow_x,
        projection,
        heads,
        context,
        attention_output,
        intermediate,
        output,
        middle,
        narrow_middle,
        wide,
        activated,
        last,
    };
    (states.view_(&size), saved)
}

impl Saved {
    /// The gradients of the hidden states and of the parameters, in their order, for those that are `wanted`.
    pub(super) fn backward(&self, gradient: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        match self.precision {
            Precision::F32 => self.typed_backward::<f32>(gradient, wanted),
            Precision::Bf16 => self.typed_backward::<bf16>(gradient, wanted),
        }
    }

    fn typed_backward<N: Number>(&self, gradient: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let (x_wanted, wanted) = (wanted[0], &wanted[1..]);
        let size = gradient.size();
        let hidden = size[2];
        let mut of = Gradients { wanted, all: (0..wanted.len()).map(|_| None).collect() };
        let mask = |site| row_masks(&self.shape, self.shape.hidden_dropout, site);
        let layer = self.shape.layer;

        let last = self.last.backward::<N>(&gradient.reshape([-1, hidden]), None, mask(Site::Output(layer)));
        of.put_norm(place::OUTPUT_NORM, &last);
        of.put(place::OUTPUT + 1, || last.branch_sums());
        of.put(place::OUTPUT, || products::weight_gradient::<N>(&last.branch, &self.activated));
        let activated = products::input_gradient::<N>(&last.branch, &self.output);
        let wide = activation_gradient(&activated, &self.wide, self.shape.hidden_act);
        drop(activated);
        of.put(place::INTERMEDIATE + 1, || column_sums::<N>(&wide));
        of.put(place::INTERMEDIATE, || products::weight_gradient::<N>(&wide, &self.narrow_middle));
        let narrow_middle = products::input_gradient::<N>(&wide, &self.intermediate);
        drop(wide);

        let mask = mask(Site::AttentionOutput(layer));
        let middle = self.middle.backward::<N>(&last.residual, Some(&narrow_middle), mask);
        of.put_norm(place::ATTENTION_NORM, &middle);
        of.put(place::ATTENTION_OUTPUT + 1, || middle.branch_sums());
        of.put(place::ATTENTION_OUTPUT, || products::weight_gradient::<N>(&middle.branch, &self.context));
        let context = products::input_gradient::<N>(&middle.branch, &self.attention_output);
        let heads = self.heads.as_ref();
        let projected = heads.map(|heads| heads.backward::<N>(&context, self.batch, &self.shape));
        let projected =
            projected.unwrap_or_else(|| unreachable!("only in training there is a backward pass"));
        let parts = 0..6;
        if parts.clone().any(|index| wanted[index]) {
            let weights = products::weight_gradient::<N>(&projected, &self.x);
            let sums = column_sums::<N>(&projected);
            for index in parts {
                let whole = if index % 2 == 0 { &weights } else { &sums };
                of.put(place::QUERY + index, || whole.narrow(0, index as i64 / 2 * hidden, hidden));
            }
        }
        let x = || {
            let narrow = products::input_gradient::<N>(&projected, &self.projection);
            (middle.residual + narrow).view_(&size)
        };
        std::iter::once(x_wanted.then(x)).chain(of.all).collect()
    }
}

/// The parameters' gradients as they come.
struct Gradients<'a> {
    wanted: &'a [bool],
    all: Vec<Option<Tensor>>,
}

impl Gradients<'_> {
    fn put(&mut self, index: usize, gradient: impl FnOnce() -> Tensor) {
        self.all[index] = self.wanted[index].then(gradient);
    }

    fn put_norm(&mut self, index: usize, gradients: &norm::Gradients) {
        self.put(index, || gradients.weight_sums());
        self.put(index + 1, || gradients.bias_sums());
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

fn activate(x: &Tensor, hidden_act: HiddenAct) -> Tensor {
    match hidden_act {
        HiddenAct::Gelu => x.gelu("none"),
        HiddenAct::GeluNew => x.gelu("tanh"),
        HiddenAct::Relu => x.relu(),
    }
}

fn activation_gradient(gradient: &Tensor, x: &Tensor, hidden_act: HiddenAct) -> Tensor {
    match hidden_act {
        HiddenAct::Gelu => x.gelu_backward(gradient, "none"),
        HiddenAct::GeluNew => x.gelu_backward(gradient, "tanh"),
        HiddenAct::Relu => x.threshold_backward(gradient, 0.0),
    }
}
