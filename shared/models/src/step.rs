//! One optimization step.

use anyhow::Result;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{FloatDType, Tensor};

use crate::data::batch::Batch;
use crate::data::targets::{BatchTargets, integers};
use crate::device::Implementation;
use crate::memory::catch_exhaustion;
use crate::model::{Model, Tokens};
use crate::nn::layers::Mode;
use crate::optim::adamw::AdamW;
use crate::optim::objective::Objective;

/// The loss and the counts of one optimization step.
#[derive(Debug, Clone, Copy)]
pub struct StepOutcome {
    /// Mean loss of the batch before the step.
    pub loss: f64,
    /// Correct predictions, with dropout on.
    pub correct: usize,
    /// All predictions: one an example for classes, one a token with a target for tags and masked tokens, else none.
    pub total: usize,
    /// The global norm of the gradients before clipping.
    pub gradient_norm: f64,
}

/// The mean loss of a batch, its counts of predictions, and the gradients of the loss.
pub(crate) struct BatchGradients {
    pub(crate) loss: f64,
    correct: usize,
    total: usize,
    pub(crate) gradients: GradientsParams,
}

impl Model {
    /// Takes optimization step `step` on the mean loss over the examples, or the tokens, of all `parts`. The result equals that of
    /// one batch, however it is cut into parts. Dropout follows from the seed, the step and the part.
    ///
    /// # Errors
    /// [`shared::fault::OutOfMemory`] where the device has too little; then nothing has changed.
    pub fn step(
        &mut self,
        parts: &[Batch],
        objective: &Objective,
        optimizer: &mut AdamW,
        step: u64,
        learning_rate: f64,
    ) -> Result<StepOutcome> {
        // Before the batch: what the moments take is not there for its activations.
        optimizer.prepare(&self.network);
        let BatchGradients { loss, correct, total, gradients } =
            catch_exhaustion(|| self.gradients(parts, objective, step))?;
        let (network, gradient_norm) =
            optimizer.step(self.network.clone(), gradients, &self.names, learning_rate)?;
        self.network = network;
        Ok(StepOutcome { loss, correct, total, gradient_norm })
    }

    pub(crate) fn gradients(
        &self,
        parts: &[Batch],
        objective: &Objective,
        step: u64,
    ) -> Result<BatchGradients> {
        let weight: f64 = parts.iter().map(|part| objective.weight(part)).sum();
        // Where nothing counts, the sum is 0 too.
        let weight = if weight > 0.0 { weight } else { 1.0 };
        let mut accumulator = GradientsAccumulator::new();
        let (mut loss, mut correct, mut total) = (0.0, 0, 0);
        for (index, part) in parts.iter().enumerate() {
            // A part may have no token with a target.
            if part.targets.are_empty() && !matches!(part.targets, BatchTargets::Unknown) {
                continue;
            }
            let masks = self.compute.masks(step, index);
            let logits = self.forward(part, Mode::Training(masks), Tokens::WithTargets);
            if let Some(classes) = part.targets.classes() {
                total += classes.len();
                correct += count_correct(logits.clone(), classes, self.compute.implementation)?;
            }
            let share = objective.sum(logits, part, self.compute.implementation)? / weight;
            loss += f64::from(share.clone().into_scalar::<f32>());
            let mut gradients = GradientsParams::from_grads(share.backward(), &self.network);
            if parts.len() > 1 {
                self.network.visit(&mut Widener(&mut gradients));
            }
            accumulator.accumulate(&self.network, gradients);
        }
        Ok(BatchGradients { loss, correct, total, gradients: accumulator.grads() })
    }
}

/// Converts bfloat16 gradients to float32 before they are summed over parts.
struct Widener<'a>(&'a mut GradientsParams);

impl ModuleVisitor for Widener<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.0.remove::<D>(param.id) {
            self.0.register(param.id, gradient.cast(FloatDType::F32));
        }
    }
}

fn count_correct(logits: Tensor<2>, classes: Vec<i64>, implementation: Implementation) -> Result<usize> {
    match implementation {
        #[cfg(feature = "libtorch")]
        Implementation::Fused(_) => Ok(crate::autograd::count_correct(&logits.inner(), &classes)),
        Implementation::Plain => {
            let classes = integers(classes, &logits.device());
            let correct = logits.argmax(1).flatten::<1>(0, 1).equal(classes).int().sum();
            Ok(usize::try_from(correct.into_scalar::<i64>())?)
        }
    }
}
