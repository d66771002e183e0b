//! The second half of a layer: `LayerNorm(x + dropout(W₂·activation(W₁·x + b₁) + b₂))`.

use tch::Tensor;

use super::activation::Backward;
use super::gemm::Weight;
use super::parameters::{Gradients, Parameters};
use super::{Branched, activation, dropout_mask, gemm, layer_norm, to_kind};
use crate::autograd::layer::place;
use crate::autograd::slices::TensorElement;
use crate::nn::dropout::Site;
use crate::nn::encoder::LayerShape;
use crate::nn::layers::Mode;

/// The values of the forward pass that the backward pass needs.
pub(super) struct SavedForBackward {
    /// `[intermediate, hidden]`
    intermediate: Weight,
    /// `[hidden, intermediate]`
    output: Weight,
    /// `N[n, hidden]`
    x: Tensor,
    /// `N[n, intermediate]`
    pre_activation: Tensor,
    norm: layer_norm::SavedForBackward,
}

/// `[n, hidden]` → `[n, hidden]`, and in training what the backward pass needs.
pub(super) fn forward<N: TensorElement>(
    x: &Tensor,
    parameters: &Parameters<'_>,
) -> (Tensor, Option<SavedForBackward>) {
    let shape = parameters.shape;
    let input = to_kind::<N>(x);
    let intermediate = parameters.weight::<N>(place::INTERMEDIATE);
    let mut activated = gemm::linear::<N>(&input, &intermediate, None);
    let bias = parameters.bias(place::INTERMEDIATE);
    let pre_activation = match shape.mode {
        Mode::Inference => {
            activation::infer::<N>(&mut activated, &bias, shape.hidden_act);
            None
        }
        Mode::Training(_) => Some(activation::forward::<N>(&mut activated, &bias, shape.hidden_act)),
    };
    let output = parameters.weight::<N>(place::OUTPUT);
    let branch = gemm::linear::<N>(&activated, &output, None);
    let (out, norm) = parameters.norm::<N>(x, &branch, Site::Output(shape.layer), place::OUTPUT);
    let saved =
        |(norm, pre_activation)| SavedForBackward { intermediate, output, x: input, pre_activation, norm };
    (out, norm.zip(pre_activation).map(saved))
}

impl SavedForBackward {
    /// The gradient of the output, `[n, hidden]` → that of the input; puts those of the parameters into `gradients`.
    pub(super) fn backward<N: TensorElement>(
        &self,
        gradient: &Tensor,
        shape: &LayerShape,
        gradients: &mut Gradients<'_>,
    ) -> Branched {
        let dropout = dropout_mask(shape, shape.hidden_dropout, Site::Output(shape.layer));
        let norm = self.norm.backward::<N>(gradient, None, dropout);
        gradients.put_norm(place::OUTPUT_NORM, &norm);
        gradients.put(place::OUTPUT + 1, || norm.branch_bias());
        let mut intermediate = gemm::input_gradient::<N>(&norm.branch, &self.output);
        let Backward { output, bias } =
            activation::backward::<N>(&mut intermediate, &self.pre_activation, shape.hidden_act);
        gradients.put(place::OUTPUT, || gemm::weight_gradient::<N>(&norm.branch, &output));
        drop(output);
        gradients.put(place::INTERMEDIATE + 1, || bias);
        gradients.put(place::INTERMEDIATE, || gemm::weight_gradient::<N>(&intermediate, &self.x));
        let branch = gemm::input_gradient::<N>(&intermediate, &self.intermediate);
        Branched { residual: norm.residual, branch }
    }
}
