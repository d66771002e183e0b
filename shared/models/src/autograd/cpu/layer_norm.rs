//! `LayerNorm(x + dropout(branch + bias))` on tensors.

use kernels::DropoutMask;
use kernels::layer_norm::{self, BackwardInput, Parameters};
use tch::Tensor;

use crate::autograd::slices::{TensorElement, as_slice, as_slice_mut, empty};

/// The parameters of the kernel, `[hidden]` each, in float32.
pub(super) struct Vectors<'a> {
    pub(super) branch_bias: &'a Tensor,
    pub(super) weight: &'a Tensor,
    pub(super) bias: &'a Tensor,
}

impl Vectors<'_> {
    fn parameters(&self, eps: f64) -> Parameters<'_> {
        let [branch_bias, weight, bias] = [self.branch_bias, self.weight, self.bias].map(as_slice::<f32>);
        Parameters { branch_bias, weight, bias, eps: eps as f32 }
    }
}

/// The values of the forward pass that the backward pass needs.
pub(super) struct SavedForBackward {
    /// `N[n, hidden]`
    x_hat: Tensor,
    /// `[n]`
    rstd: Tensor,
    /// `[hidden]`
    weight: Tensor,
}

/// `[n, hidden]` and `N[n, hidden]` → `[n, hidden]`, with nothing saved.
pub(super) fn infer<N: TensorElement>(
    x: &Tensor,
    branch: &Tensor,
    vectors: &Vectors<'_>,
    eps: f64,
) -> Tensor {
    let mut out = empty::<f32>(&x.size());
    let inputs = (as_slice(x), as_slice::<N>(branch));
    layer_norm::forward(as_slice_mut(&mut out), None, inputs, &vectors.parameters(eps), None);
    out
}

/// [`infer`] in training: with dropout, and what the backward pass needs.
pub(super) fn forward<N: TensorElement>(
    x: &Tensor,
    branch: &Tensor,
    vectors: &Vectors<'_>,
    eps: f64,
    dropout: Option<DropoutMask>,
) -> (Tensor, SavedForBackward) {
    let size = x.size();
    let (mut out, mut x_hat, mut rstd) = (empty::<f32>(&size), empty::<N>(&size), empty::<f32>(&size[..1]));
    let saved =
        layer_norm::SavedForBackward { x_hat: as_slice_mut(&mut x_hat), rstd: as_slice_mut(&mut rstd) };
    let inputs = (as_slice(x), as_slice::<N>(branch));
    layer_norm::forward(as_slice_mut(&mut out), Some(saved), inputs, &vectors.parameters(eps), dropout);
    (out, SavedForBackward { x_hat, rstd, weight: vectors.weight.shallow_clone() })
}

pub(super) struct Gradients {
    /// `[n, hidden]`
    pub(super) residual: Tensor,
    /// `N[n, hidden]`
    pub(super) branch: Tensor,
    /// `[3, hidden]`
    parameters: Tensor,
}

impl Gradients {
    pub(super) fn weight(&self) -> Tensor {
        self.parameters.get(0)
    }

    pub(super) fn bias(&self) -> Tensor {
        self.parameters.get(1)
    }

    pub(super) fn branch_bias(&self) -> Tensor {
        self.parameters.get(2)
    }
}

impl SavedForBackward {
    /// From the gradient of the output: `[n, hidden]`, and a second part of it, `N[n, hidden]`, which is added.
    pub(super) fn backward<N: TensorElement>(
        &self,
        gradient: &Tensor,
        branch_gradient: Option<&Tensor>,
        dropout: Option<DropoutMask>,
    ) -> Gradients {
        let size = gradient.size();
        let [mut residual, mut branch, mut parameters] =
            [empty::<f32>(&size), empty::<N>(&size), empty::<f32>(&[3, size[1]])];
        let gradient = gradient.contiguous();
        let input = BackwardInput {
            gradient: as_slice(&gradient),
            branch_gradient: branch_gradient.map(as_slice::<N>),
            x_hat: as_slice(&self.x_hat),
            rstd: as_slice(&self.rstd),
            weight: as_slice(&self.weight),
        };
        let gradients = layer_norm::Gradients {
            residual: as_slice_mut(&mut residual),
            branch: as_slice_mut(&mut branch),
            parameters: as_slice_mut(&mut parameters),
        };
        layer_norm::backward(gradients, &input, dropout);
        Gradients { residual, branch, parameters }
    }
}
