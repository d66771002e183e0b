//! AdamW with decoupled weight decay (Loshchilov and Hutter, 2019, <https://arxiv.org/abs/1711.05101>), as
//! `torch.optim.AdamW` computes it, after clipping by the global norm as `clip_grad_norm_` does.

use std::collections::HashMap;

use anyhow::Result;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use kernels::adamw::Update;

use crate::optim::clipping::{clip_factor, global_norm};
use crate::optim::layer_rates::LayerRates;
use crate::weights::parameters::ParameterNames;

/// The optimizer's constants.
#[derive(Debug, Clone, Copy)]
pub struct AdamWConfig {
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    /// Applies to all parameters but biases and LayerNorm.
    pub weight_decay: f64,
    /// 0 turns clipping off.
    pub max_grad_norm: f64,
    pub rates: LayerRates,
}

impl Default for AdamWConfig {
    /// The constants for fine-tuning BERT.
    fn default() -> Self {
        AdamWConfig {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            max_grad_norm: 1.0,
            rates: LayerRates::default(),
        }
    }
}

/// The optimizer with its state.
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    pub(crate) steps: i32,
    pub(crate) moments: HashMap<ParamId, Moments>,
}

/// Running means of a parameter's gradient and of its square, flattened.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    pub(crate) first: Tensor<1>,
    pub(crate) second: Tensor<1>,
}

impl Moments {
    fn zeros(count: usize, device: &Device) -> Moments {
        Moments { first: Tensor::zeros([count], device), second: Tensor::zeros([count], device) }
    }
}

/// Makes the moments of parameters that have none yet.
struct Preparer<'a>(&'a mut HashMap<ParamId, Moments>);

impl ModuleVisitor for Preparer<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if tensor.is_require_grad() {
            let zeros = || Moments::zeros(param.shape().num_elements(), &tensor.device().inner());
            self.0.entry(param.id).or_insert_with(zeros);
        }
    }
}

impl AdamW {
    pub fn new(config: AdamWConfig) -> AdamW {
        AdamW { config, steps: 0, moments: HashMap::new() }
    }

    /// Allocates the moments of `module`.
    pub(crate) fn prepare<M: Module>(&mut self, module: &M) {
        if self.moments.is_empty() {
            module.visit(&mut Preparer(&mut self.moments));
        }
    }

    /// Moves the parameters of `module` against `gradients`, in place where the backend allows it. Returns the
    /// module and the gradients' global norm before clipping.
    pub(crate) fn step<M: Module>(
        &mut self,
        module: M,
        mut gradients: GradientsParams,
        names: &ParameterNames,
        learning_rate: f64,
    ) -> Result<(M, f64)> {
        self.steps += 1;
        let norm = global_norm(&module, &gradients);
        let gradient_scale = clip_factor(norm, self.config.max_grad_norm);
        let correction = 1.0 - self.config.beta1.powi(self.steps);
        let update = Update {
            beta1: self.config.beta1 as f32,
            beta2: self.config.beta2 as f32,
            // Computed before they are rounded, as torch does: the float32 nearest to 0.999 is 1.3e-5 of the difference away
            // from it.
            complement1: (1.0 - self.config.beta1) as f32,
            complement2: (1.0 - self.config.beta2) as f32,
            epsilon: self.config.epsilon as f32,
            // These two are each parameter's own.
            decay: 1.0,
            step_size: 0.0,
            second_scale: (1.0 / (1.0 - self.config.beta2.powi(self.steps)).sqrt()) as f32,
            gradient_scale: gradient_scale as f32,
        };
        let mut stepper = Stepper {
            update,
            step_size: learning_rate / correction,
            learning_rate,
            layers: names.layers(),
            config: self.config,
            gradients: &mut gradients,
            moments: &mut self.moments,
            names,
            error: None,
        };
        let module = module.map(&mut stepper);
        stepper.error.map_or(Ok((module, norm)), Err)
    }
}

struct Stepper<'a> {
    update: Update,
    /// `learning rate / (1 - β₁ᵗ)`
    step_size: f64,
    learning_rate: f64,
    /// The number of layers of the encoder.
    layers: usize,
    config: AdamWConfig,
    gradients: &'a mut GradientsParams,
    moments: &'a mut HashMap<ParamId, Moments>,
    names: &'a ParameterNames,
    error: Option<anyhow::Error>,
}

impl Stepper<'_> {
    fn update_of(&self, name: &str) -> Update {
        let rate = self.config.rates.of(name, self.layers);
        let decays = !(name.ends_with(".bias") || name.contains("LayerNorm"));
        let weight_decay = if decays { self.config.weight_decay } else { 0.0 };
        Update {
            decay: (1.0 - self.learning_rate * rate * weight_decay) as f32,
            step_size: (self.step_size * rate) as f32,
            ..self.update
        }
    }
}

impl ModuleMapper for Stepper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let id = param.id;
        let update = match self.names.of(id) {
            Ok(name) => self.update_of(name),
            Err(error) => {
                self.error = Some(error);
                return param;
            }
        };
        let zeros = || Moments::zeros(gradient.shape().num_elements(), &gradient.device());
        let moments = self.moments.remove(&id).unwrap_or_else(zeros);
        param.map(|tensor| {
            let (tensor, moments) = apply(tensor.inner(), gradient, moments, &update);
            self.moments.insert(id, moments);
            Tensor::from_inner(tensor).require_grad()
        })
    }
}

#[cfg(feature = "libtorch")]
use crate::autograd::adamw as apply;

#[cfg(not(feature = "libtorch"))]
use plain::apply;

#[cfg(any(test, not(feature = "libtorch")))]
mod plain {
    use burn::tensor::Tensor;

    use super::{Moments, Update};

    pub(super) fn apply<const D: usize>(
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        moments: Moments,
        update: &Update,
    ) -> (Tensor<D>, Moments) {
        let shape = tensor.dims();
        let gradient = gradient.flatten::<1>(0, D - 1) * update.gradient_scale;
        let first = moments.first * update.beta1 + gradient.clone() * update.complement1;
        let second = moments.second * update.beta2 + gradient.square() * update.complement2;
        let step =
            first.clone() * update.step_size / (second.clone().sqrt() * update.second_scale + update.epsilon);
        let tensor = tensor.flatten::<1>(0, D - 1) * update.decay - step;
        (tensor.reshape(shape), Moments { first, second })
    }
}

#[cfg(all(test, feature = "libtorch"))]
mod tests {
    use burn::tensor::{Device, Distribution, Tensor};

    use super::{Moments, Update, apply, plain};

    #[test]
    #[expect(deprecated, reason = "burn-tch is the owner's backend; the feature `flex` is the way out")]
    fn the_pass_over_memory_equals_the_formula() {
        let device = Device::libtorch();
        let random = || Tensor::<2>::random([300, 1000], Distribution::Default, &device);
        let (tensor, gradient) = (random(), random());
        let moments = || Moments { first: random().flatten(0, 1), second: random().flatten(0, 1) };
        let moments = moments();
        // The pass works in place, so it gets copies of its own.
        let copy = |tensor: &Tensor<1>| tensor.clone() + 0.0;
        let copies = Moments { first: copy(&moments.first), second: copy(&moments.second) };
        let update = Update {
            beta1: 0.9,
            beta2: 0.99,
            complement1: 0.1,
            complement2: 0.01,
            epsilon: 1e-3,
            decay: 0.98,
            step_size: 0.2,
            second_scale: 1.5,
            gradient_scale: 0.7,
        };
        let (expect, expect_moments) = plain::apply(tensor.clone(), gradient.clone(), moments, &update);
        let (result, result_moments) = apply(tensor + 0.0, gradient, copies, &update);
        let near = |a: Tensor<1>, b: Tensor<1>| assert!((a - b).abs().max().into_scalar::<f32>() < 1e-6);
        near(result.flatten(0, 1), expect.flatten(0, 1));
        near(result_moments.first, expect_moments.first);
        near(result_moments.second, expect_moments.second);
    }
}
