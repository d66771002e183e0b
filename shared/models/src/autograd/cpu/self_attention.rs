//! The first half of a layer: `LayerNorm(x + dropout(W·attention(x) + b))`.

use tch::Tensor;

use super::gemm::Weight;
use super::parameters::{Gradients, Parameters};
use super::{Branched, attention, column_sums, dropout_mask, gemm, layer_norm, to_kind};
use crate::autograd::layer::place;
use crate::autograd::slices::TensorElement;
use crate::nn::dropout::Site;
use crate::nn::encoder::LayerShape;

/// The values of the forward pass that the backward pass needs.
pub(super) struct SavedForBackward {
    /// `[3·hidden, hidden]`: query, key and value, stacked by rows.
    projection: Weight,
    /// `[hidden, hidden]`
    output: Weight,
    /// `N[n, hidden]`
    x: Tensor,
    attention: attention::SavedForBackward,
    /// `N[n, hidden]`
    context: Tensor,
    norm: layer_norm::SavedForBackward,
}

/// `[n, hidden]` → `[n, hidden]`, and in training what the backward pass needs; `mask` is `[batch, 1, 1, seq]`.
pub(super) fn forward<N: TensorElement>(
    x: &Tensor,
    mask: &Tensor,
    parameters: &Parameters<'_>,
) -> (Tensor, Option<SavedForBackward>) {
    let shape = parameters.shape;
    let input = to_kind::<N>(x);
    let (projection, bias) = parameters.projection::<N>();
    let projected = gemm::linear::<N>(&input, &projection, Some(&bias));
    let (context, attention) = attention::forward::<N>(&projected, mask, shape);
    let output = parameters.weight::<N>(place::ATTENTION_OUTPUT);
    let branch = gemm::linear::<N>(&context, &output, None);
    let site = Site::AttentionOutput(shape.layer);
    let (out, norm) = parameters.norm::<N>(x, &branch, site, place::ATTENTION_OUTPUT);
    let saved =
        |(attention, norm)| SavedForBackward { projection, output, x: input, attention, context, norm };
    (out, attention.zip(norm).map(saved))
}

impl SavedForBackward {
    /// The gradient of the output → that of the input; puts those of the parameters into `gradients`.
    pub(super) fn backward<N: TensorElement>(
        &self,
        gradient: &Branched,
        shape: &LayerShape,
        gradients: &mut Gradients<'_>,
    ) -> Branched {
        let dropout = dropout_mask(shape, shape.hidden_dropout, Site::AttentionOutput(shape.layer));
        let norm = self.norm.backward::<N>(&gradient.residual, Some(&gradient.branch), dropout);
        gradients.put_norm(place::ATTENTION_NORM, &norm);
        gradients.put(place::ATTENTION_OUTPUT + 1, || norm.branch_bias());
        gradients.put(place::ATTENTION_OUTPUT, || gemm::weight_gradient::<N>(&norm.branch, &self.context));
        let context = gemm::input_gradient::<N>(&norm.branch, &self.output);
        let projected = self.attention.backward::<N>(&context);
        self.put_projection::<N>(&projected, gradients);
        let branch = gemm::input_gradient::<N>(&projected, &self.projection);
        Branched { residual: norm.residual, branch }
    }

    /// The gradients of query's, key's and value's parameters, from one product: `projected` is `N[n, 3·hidden]`.
    fn put_projection<N: TensorElement>(&self, projected: &Tensor, gradients: &mut Gradients<'_>) {
        let places = place::QUERY..place::ATTENTION_OUTPUT;
        if !gradients.any_wanted(places.clone()) {
            return;
        }
        let hidden = self.x.size()[1];
        let weights = gemm::weight_gradient::<N>(projected, &self.x);
        let biases = column_sums::<N>(projected);
        for (index, place) in (0..).zip(places) {
            let whole = if index % 2 == 0 { &weights } else { &biases };
            gradients.put(place, || whole.narrow(0, index / 2 * hidden, hidden));
        }
    }
}
