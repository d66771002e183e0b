//! One step of the optimization.

use anyhow::Result;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{FloatDType, Int, Tensor};

use crate::batch::Batch;
use crate::classifier::SequenceClassifier;
use crate::layers::Mode;
use crate::memory::catch_exhaustion;
use crate::objective::Objective;
use crate::optimizer::AdamW;

/// What one optimization step saw.
#[derive(Debug, Clone, Copy)]
pub struct StepOutcome {
    /// Mean loss of the batch before the step.
    pub loss: f64,
    /// Examples of the batch that were classified rightly, with dropout on.
    pub correct: usize,
    /// The global norm of the gradients before clipping.
    pub gradient_norm: f64,
}

/// The mean loss of a batch, how many of it are classified rightly, and the loss' gradients.
pub(crate) struct BatchGradients {
    pub(crate) loss: f64,
    pub(crate) correct: usize,
    pub(crate) gradients: GradientsParams,
}

impl SequenceClassifier {
    /// Step number `step` down the gradient of the mean loss over the examples of all `parts` together: the result
    /// is that of one batch of them, whatever the parts. Dropout is drawn from the seed, the step and the part.
    ///
    /// # Errors
    /// [`shared::fault::OutOfMemory`] where the device has not enough of it; then nothing has changed.
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
        let BatchGradients { loss, correct, gradients } =
            catch_exhaustion(|| self.gradients(parts, objective, step))?;
        let (network, gradient_norm) =
            optimizer.step(self.network.clone(), gradients, &self.names, learning_rate)?;
        self.network = network;
        Ok(StepOutcome { loss, correct, gradient_norm })
    }

    pub(crate) fn gradients(
        &self,
        parts: &[Batch],
        objective: &Objective,
        step: u64,
    ) -> Result<BatchGradients> {
        let weight: f64 = parts.iter().map(|part| objective.weight(&part.labels)).sum();
        let mut accumulator = GradientsAccumulator::new();
        let (mut loss, mut correct) = (0.0, 0);
        for (index, part) in parts.iter().enumerate() {
            let logits = self.forward(part, Mode::Training(self.compute.masks(step, index)));
            let targets = part.targets(&logits.device());
            correct += count_correct(logits.clone(), targets.clone())?;
            let share = objective.sum(logits, targets) / weight;
            loss += f64::from(share.clone().into_scalar::<f32>());
            let mut gradients = GradientsParams::from_grads(share.backward(), &self.network);
            if parts.len() > 1 {
                self.network.visit(&mut Widener(&mut gradients));
            }
            accumulator.accumulate(&self.network, gradients);
        }
        Ok(BatchGradients { loss, correct, gradients: accumulator.grads() })
    }
}

/// Makes float32 of gradients that come in bfloat16, whose sums would lose more than they do.
struct Widener<'a>(&'a mut GradientsParams);

impl ModuleVisitor for Widener<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.0.remove::<D>(param.id) {
            self.0.register(param.id, gradient.cast(FloatDType::F32));
        }
    }
}

fn count_correct(logits: Tensor<2>, targets: Tensor<1, Int>) -> Result<usize> {
    let hits = logits.argmax(1).flatten::<1>(0, 1).equal(targets).int().sum().into_scalar::<i64>();
    Ok(usize::try_from(hits)?)
}
