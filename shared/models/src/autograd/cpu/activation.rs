//! Bias and activation on tensors.

use kernels::activation::{self, Activation};
use model_files::HiddenAct;
use tch::Tensor;

use crate::autograd::slices::{TensorElement, as_slice, as_slice_mut, empty};

fn activation(hidden_act: HiddenAct) -> Activation {
    match hidden_act {
        HiddenAct::Gelu => Activation::Gelu,
        HiddenAct::GeluNew => Activation::GeluNew,
        HiddenAct::Relu => Activation::Relu,
        HiddenAct::Gelu10 => Activation::Gelu10,
        HiddenAct::QuickGelu => Activation::QuickGelu,
        HiddenAct::Silu => Activation::Silu,
    }
}

/// `x = activation(x + bias)`, in place: `N[n, width]` and float32 `[width]`; returns `x + bias` for the backward pass.
pub(super) fn forward<N: TensorElement>(x: &mut Tensor, bias: &Tensor, hidden_act: HiddenAct) -> Tensor {
    let mut pre_activation = empty::<N>(&x.size());
    let saved = Some(as_slice_mut(&mut pre_activation));
    activation::forward::<N>(as_slice_mut(x), saved, as_slice(bias), activation(hidden_act));
    pre_activation
}

/// [`forward`] with nothing saved.
pub(super) fn infer<N: TensorElement>(x: &mut Tensor, bias: &Tensor, hidden_act: HiddenAct) {
    activation::forward::<N>(as_slice_mut(x), None, as_slice(bias), activation(hidden_act));
}

pub(super) struct Backward {
    /// `N[n, width]`: the activation, computed again.
    pub(super) output: Tensor,
    /// `[width]`: the gradient of the bias.
    pub(super) bias: Tensor,
}

/// `gradient *= activation'(pre_activation)`, in place: `N[n, width]`.
pub(super) fn backward<N: TensorElement>(
    gradient: &mut Tensor,
    pre_activation: &Tensor,
    hidden_act: HiddenAct,
) -> Backward {
    let size = pre_activation.size();
    let (mut output, mut bias) = (empty::<N>(&size), empty::<f32>(&size[1..]));
    activation::backward::<N>(
        as_slice_mut(gradient),
        as_slice_mut(&mut output),
        as_slice_mut(&mut bias),
        as_slice(pre_activation),
        activation(hidden_act),
    );
    Backward { output, bias }
}
