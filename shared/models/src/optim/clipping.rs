//! Gradients scaled down to a global norm, as `torch.nn.utils.clip_grad_norm_` does.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// `torch.nn.utils.clip_grad_norm_` adds this to the norm that it divides by.
const CLIP_EPSILON: f64 = 1e-6;

/// The factor that scales gradients of the global norm `norm` down to `max`; 1 where they are smaller, or `max` is 0.
pub(crate) fn clip_factor(norm: f64, max: f64) -> f64 {
    if max > 0.0 { (max / (norm + CLIP_EPSILON)).min(1.0) } else { 1.0 }
}

pub(crate) fn global_norm<M: Module>(module: &M, gradients: &GradientsParams) -> f64 {
    let mut norm = NormVisitor { gradients, squares: Vec::new() };
    module.visit(&mut norm);
    if norm.squares.is_empty() {
        return 0.0;
    }
    // One transfer for all parameters: on a GPU each would be a wait.
    let squares = Tensor::cat(norm.squares, 0).sum().into_scalar::<f32>();
    f64::from(squares).sqrt()
}

struct NormVisitor<'a> {
    gradients: &'a GradientsParams,
    squares: Vec<Tensor<1>>,
}

impl ModuleVisitor for NormVisitor<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.squares.push(sum_of_squares(gradient));
        }
    }
}

#[cfg(feature = "libtorch")]
use crate::autograd::sum_of_squares;

#[cfg(not(feature = "libtorch"))]
use plain::sum_of_squares;

#[cfg(any(test, not(feature = "libtorch")))]
mod plain {
    use burn::tensor::Tensor;

    /// `[1]`
    pub(super) fn sum_of_squares<const D: usize>(gradient: Tensor<D>) -> Tensor<1> {
        gradient.square().sum()
    }
}

#[cfg(all(test, feature = "libtorch"))]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::{plain, sum_of_squares};

    #[test]
    #[expect(deprecated, reason = "burn-tch is the owner's backend; the feature `flex` is the way out")]
    fn the_sum_of_squares_equals_the_formula() {
        let gradient = Tensor::<2>::random([300, 1000], Distribution::Default, &Device::libtorch());
        let expect = plain::sum_of_squares(gradient.clone()).into_scalar::<f32>();
        let sum = sum_of_squares(gradient).into_scalar::<f32>();
        assert!((sum / expect - 1.0).abs() < 1e-5, "{sum} is not {expect}");
    }
}
