//! The second half of a layer: `LayerNorm(x + dropout(W₂·activation(W₁·x)))`.

use tch::Tensor;

use super::activation::Backward;
use super::narrowing::narrowed;
use super::norm::Normed;
use super::parameters::{Gradients, Parameters};
use super::products::Weight;
use super::{Branched, activation, products, row_masks};
use crate::dropout::Site;
use crate::encoder::LayerShape;
use crate::layers::Mode;
use crate::libtorch::layer::place;
use crate::libtorch::memory::Number;

/// What the backward pass needs.
pub(super) struct FeedForward {
    /// `[wide, hidden]`
    intermediate: Weight,
    /// `[hidden, wide]`
    output: Weight,
    /// `N[n, hidden]`
    x: Tensor,
    /// `N[n, wide]`: what was activated.
    biased: Tensor,
    norm: Normed,
}

impl FeedForward {
    /// `[n, hidden]` → the same, and in training what the backward pass needs.
    pub(super) fn forward<N: Number>(
        x: &Tensor,
        parameters: &Parameters<'_>,
    ) -> (Tensor, Option<FeedForward>) {
        let shape = parameters.shape;
        let narrow = narrowed::<N>(x);
        let intermediate = parameters.weight::<N>(place::INTERMEDIATE);
        let mut wide = products::product::<N>(&narrow, &intermediate);
        let bias = parameters.bias(place::INTERMEDIATE);
        let biased = match shape.mode {
            Mode::Inference => {
                activation::infer::<N>(&mut wide, &bias, shape.hidden_act);
                None
            }
            Mode::Training(_) => Some(activation::forward::<N>(&mut wide, &bias, shape.hidden_act)),
        };
        let output = parameters.weight::<N>(place::OUTPUT);
        let branch = products::product::<N>(&wide, &output);
        let (out, norm) = parameters.norm::<N>(x, &branch, Site::Output(shape.layer), place::OUTPUT);
        let kept = |(norm, biased)| FeedForward { intermediate, output, x: narrow, biased, norm };
        (out, norm.zip(biased).map(kept))
    }

    /// `[n, hidden]`: the gradient of what came out → of what went in.
    pub(super) fn backward<N: Number>(
        &self,
        gradient: &Tensor,
        shape: &LayerShape,
        of: &mut Gradients<'_>,
    ) -> Branched {
        let masks = row_masks(shape, shape.hidden_dropout, Site::Output(shape.layer));
        let norm = self.norm.backward::<N>(gradient, None, masks);
        of.put_norm(place::OUTPUT_NORM, &norm);
        of.put(place::OUTPUT + 1, || norm.branch_sums());
        let mut wide = products::input_gradient::<N>(&norm.branch, &self.output);
        let Backward { activated, bias } =
            activation::backward::<N>(&mut wide, &self.biased, shape.hidden_act);
        of.put(place::OUTPUT, || products::weight_gradient::<N>(&norm.branch, &activated));
        drop(activated);
        of.put(place::INTERMEDIATE + 1, || bias);
        of.put(place::INTERMEDIATE, || products::weight_gradient::<N>(&wide, &self.x));
        let branch = products::input_gradient::<N>(&wide, &self.intermediate);
        Branched { residual: norm.residual, branch }
    }
}
