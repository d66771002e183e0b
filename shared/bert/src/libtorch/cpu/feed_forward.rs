//! The second half of a layer: `LayerNorm(x + dropout(W₂·activation(W₁·x)))`.

use tch::Tensor;

use super::columns::column_sums;
use super::norm::Normed;
use super::parameters::{Gradients, Parameters};
use super::{Branched, products, row_masks};
use crate::dropout::Site;
use crate::encoder::LayerShape;
use crate::libtorch::activation::{activate, activation_gradient};
use crate::libtorch::layer::place;
use crate::libtorch::memory::Number;

/// What the backward pass needs.
pub(super) struct FeedForward {
    /// `N[wide, hidden]`
    intermediate: Tensor,
    /// `N[hidden, wide]`
    output: Tensor,
    /// `N[n, hidden]`
    x: Tensor,
    /// `N[n, wide]`, before and after the activation.
    wide: Tensor,
    activated: Tensor,
    norm: Normed,
}

impl FeedForward {
    /// `[n, hidden]` → the same.
    pub(super) fn forward<N: Number>(x: &Tensor, parameters: &Parameters<'_>) -> (Tensor, FeedForward) {
        let shape = parameters.shape;
        let narrow = x.to_kind(N::KIND);
        let intermediate = parameters.narrow::<N>(place::INTERMEDIATE);
        let wide = parameters.linear::<N>(&narrow, &intermediate, place::INTERMEDIATE);
        let activated = activate(&wide, shape.hidden_act);
        let output = parameters.narrow::<N>(place::OUTPUT);
        let branch = parameters.linear::<N>(&activated, &output, place::OUTPUT);
        let (out, norm) = parameters.norm::<N>(x, &branch, Site::Output(shape.layer), place::OUTPUT_NORM);
        (out, FeedForward { intermediate, output, x: narrow, wide, activated, norm })
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
        of.put(place::OUTPUT, || products::weight_gradient::<N>(&norm.branch, &self.activated));
        let activated = products::input_gradient::<N>(&norm.branch, &self.output);
        let wide = activation_gradient(&activated, &self.wide, shape.hidden_act);
        drop(activated);
        of.put(place::INTERMEDIATE + 1, || column_sums::<N>(&wide));
        of.put(place::INTERMEDIATE, || products::weight_gradient::<N>(&wide, &self.x));
        let branch = products::input_gradient::<N>(&wide, &self.intermediate);
        Branched { residual: norm.residual, branch }
    }
}
