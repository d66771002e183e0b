//! The first half of a layer: `LayerNorm(x + dropout(W·attention(x)))`.

use tch::Tensor;

use super::attention::{self, Heads};
use super::columns::column_sums;
use super::narrowing::narrowed;
use super::norm::Normed;
use super::parameters::{Gradients, Parameters};
use super::products::Weight;
use super::{Branched, products, row_masks};
use crate::dropout::Site;
use crate::encoder::LayerShape;
use crate::libtorch::layer::place;
use crate::libtorch::memory::Number;

/// What the backward pass needs.
pub(super) struct SelfAttention {
    /// `[3·hidden, hidden]`: query, key and value, one under the other.
    projection: Weight,
    /// `[hidden, hidden]`
    output: Weight,
    /// `N[n, hidden]`
    x: Tensor,
    heads: Heads,
    /// `N[n, hidden]`
    context: Tensor,
    norm: Normed,
}

impl SelfAttention {
    /// `[n, hidden]` → the same, and in training what the backward pass needs; `mask` is `[batch, 1, 1, seq]`.
    pub(super) fn forward<N: Number>(
        x: &Tensor,
        mask: &Tensor,
        parameters: &Parameters<'_>,
    ) -> (Tensor, Option<SelfAttention>) {
        let shape = parameters.shape;
        let narrow = narrowed::<N>(x);
        let (projection, bias) = parameters.projection::<N>();
        let projected = products::linear::<N>(&narrow, &projection, &bias);
        let (context, heads) = attention::forward::<N>(&projected, mask, shape);
        let output = parameters.weight::<N>(place::ATTENTION_OUTPUT);
        let branch = products::product::<N>(&context, &output);
        let site = Site::AttentionOutput(shape.layer);
        let (out, norm) = parameters.norm::<N>(x, &branch, site, place::ATTENTION_OUTPUT);
        let kept = |(heads, norm)| SelfAttention { projection, output, x: narrow, heads, context, norm };
        (out, heads.zip(norm).map(kept))
    }

    /// The gradient of what came out → of what went in.
    pub(super) fn backward<N: Number>(
        &self,
        gradient: &Branched,
        shape: &LayerShape,
        of: &mut Gradients<'_>,
    ) -> Branched {
        let masks = row_masks(shape, shape.hidden_dropout, Site::AttentionOutput(shape.layer));
        let norm = self.norm.backward::<N>(&gradient.residual, Some(&gradient.branch), masks);
        of.put_norm(place::ATTENTION_NORM, &norm);
        of.put(place::ATTENTION_OUTPUT + 1, || norm.branch_sums());
        of.put(place::ATTENTION_OUTPUT, || products::weight_gradient::<N>(&norm.branch, &self.context));
        let context = products::input_gradient::<N>(&norm.branch, &self.output);
        let projected = self.heads.backward::<N>(&context);
        self.put_projection::<N>(&projected, of);
        let branch = products::input_gradient::<N>(&projected, &self.projection);
        Branched { residual: norm.residual, branch }
    }

    /// The parameters of query, key and value, from one product: `projected` is `N[n, 3·hidden]`.
    fn put_projection<N: Number>(&self, projected: &Tensor, of: &mut Gradients<'_>) {
        let places = place::QUERY..place::ATTENTION_OUTPUT;
        if !of.any_wanted(places.clone()) {
            return;
        }
        let hidden = self.x.size()[1];
        let weights = products::weight_gradient::<N>(projected, &self.x);
        let biases = column_sums::<N>(projected);
        for (index, place) in (0..).zip(places) {
            let whole = if index % 2 == 0 { &weights } else { &biases };
            of.put(place, || whole.narrow(0, index / 2 * hidden, hidden));
        }
    }
}
