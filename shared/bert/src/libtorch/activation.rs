//! The activation of a layer's feed-forward half.

use tch::Tensor;

use crate::config::HiddenAct;

pub(super) fn activate(x: &Tensor, hidden_act: HiddenAct) -> Tensor {
    match hidden_act {
        HiddenAct::Gelu => x.gelu("none"),
        HiddenAct::GeluNew => x.gelu("tanh"),
        HiddenAct::Relu => x.relu(),
    }
}

pub(super) fn activation_gradient(gradient: &Tensor, x: &Tensor, hidden_act: HiddenAct) -> Tensor {
    match hidden_act {
        HiddenAct::Gelu => x.gelu_backward(gradient, "none"),
        HiddenAct::GeluNew => x.gelu_backward(gradient, "tanh"),
        HiddenAct::Relu => x.threshold_backward(gradient, 0.0),
    }
}
