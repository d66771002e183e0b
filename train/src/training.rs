//! The loop over steps, from the state of a training to its end.

use std::ops::ControlFlow;

use anyhow::{Result, anyhow, bail};
use models::{Dataset, Objective, StepOutcome};
use shared::config::TrainConfig;
use shared::console::{Progress, Unit};
use shared::fault::{Fault, NotFinite, OutOfMemory};
use shared::metric::MetricValues;
use shared::names::listed;
use shared::signals::Saving;
use shared::training_log::LogEntry;

use crate::batches::Batches;
use crate::checkpoints::Checkpoints;
use crate::dev::Dev;
use crate::learner::Learner;
use crate::ranking::Ranked;
use crate::schedule::LearningRate;
use crate::state::State;
use crate::training_log::TrainingLog;

/// Batches of an evaluation may be larger than those of training: nothing is saved for a backward pass.
const DEV_BATCH_FACTOR: usize = 2;

/// A training without the learner and its state.
#[derive(Debug)]
pub(crate) struct Training<'a> {
    pub(crate) config: &'a TrainConfig,
    pub(crate) train: &'a Dataset,
    pub(crate) dev: Dev,
    pub(crate) batches: Batches,
    pub(crate) learning_rate: LearningRate,
    pub(crate) objective: Objective,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) training_log: TrainingLog,
    pub(crate) saving: Saving,
}

impl Training<'_> {
    /// Trains to the end.
    ///
    /// # Errors
    /// [`Fault::stopped`] after a signal, with everything saved; an input fault where the loss is not finite.
    pub(crate) fn run(&mut self, learner: &mut Learner, state: &mut State) -> Result<()> {
        let done = self.batches.examples_before(state.step);
        let mut progress = Progress::new("train", self.examples(), Unit::Items).from(done);
        loop {
            if self.evaluation_due(state) {
                let batch_size = state.micro_batch_size * DEV_BATCH_FACTOR;
                let dev = self.dev.evaluate(&learner.model, batch_size, &self.saving);
                match dev.map_err(|error| self.blame(error, state.step))? {
                    ControlFlow::Continue(metric_values) => self.keep(metric_values, learner, state)?,
                    ControlFlow::Break(()) => return self.stop(learner, state),
                }
            }
            if self.is_finished(state) {
                break;
            }
            if self.saving.stop_requested() {
                return self.stop(learner, state);
            }
            if self.checkpoints.due(state.step) {
                self.checkpoints.write(learner, state, &self.training_log)?;
            }
            let micro_batch_size = state.micro_batch_size;
            let examples = self.step(learner, state)?;
            if state.micro_batch_size != micro_batch_size {
                // Dropout follows from the parts too, so a resumed training must take the same.
                self.checkpoints.write(learner, state, &self.training_log)?;
            }
            progress.set_message(state.recent.message());
            progress.advance(examples as u64);
        }
        progress.finish();
        self.log(state)
    }

    /// Writes the means since the last line of the training log.
    fn log(&mut self, state: &mut State) -> Result<()> {
        match state.recent.take(state.step, self.batches.place(state.step).epochs()) {
            Some(entry) => self.training_log.write(&entry),
            None => Ok(()),
        }
    }

    /// One step; returns the number of its examples.
    fn step(&mut self, learner: &mut Learner, state: &mut State) -> Result<usize> {
        let rows = self.batches.of_step(state.step).to_vec();
        let epoch = self.batches.place(state.step).epoch;
        let rate = self.learning_rate.at(state.step, epoch);
        let outcome = self.step_in_parts(learner, state, &rows, epoch, rate)?;
        self.check_sound(outcome, state.step, &rows)?;
        state.step += 1;
        state.recent.add(outcome, rate);
        if state.step.is_multiple_of(self.config.log_every_steps) {
            self.log(state)?;
        }
        Ok(rows.len())
    }

    /// Takes the step in parts that fit into memory: they are halved until they do.
    fn step_in_parts(
        &self,
        learner: &mut Learner,
        state: &mut State,
        rows: &[usize],
        epoch: u64,
        rate: f64,
    ) -> Result<StepOutcome> {
        loop {
            let part = |rows| self.train.batch(rows, learner.model.config(), epoch);
            let parts = rows.chunks(state.micro_batch_size).map(part).collect::<Result<Vec<_>>>()?;
            let Learner { model, optimizer, .. } = &mut *learner;
            let outcome = model.step(&parts, &self.objective, optimizer, state.step, rate);
            let size = state.micro_batch_size.min(rows.len());
            match outcome {
                Err(error) if error.is::<OutOfMemory>() && size > 1 => {
                    state.micro_batch_size = size.div_ceil(2);
                    log::warn!(
                        "memory is exhausted with {size} examples at once: from step {} on a batch of {} is summed over \
                         parts of {}; trainings to come can say so by `train.micro_batch_size`",
                        state.step + 1,
                        rows.len(),
                        state.micro_batch_size
                    );
                }
                outcome => return outcome,
            }
        }
    }

    /// Attributes values that are not finite to the training, where it has taken steps.
    fn blame(&self, error: anyhow::Error, steps: u64) -> anyhow::Error {
        if steps == 0 || !error.is::<NotFinite>() {
            return error;
        }
        anyhow!(Fault::input(format!(
            "what the model computes on dev is not finite after {steps} steps; {}; a lower train.learning_rate may help",
            self.checkpoints.newest()
        )))
    }

    fn check_sound(&self, outcome: StepOutcome, step: u64, rows: &[usize]) -> Result<()> {
        let StepOutcome { loss, gradient_norm, .. } = outcome;
        if loss.is_finite() && gradient_norm.is_finite() {
            return Ok(());
        }
        let ids = self.train.select(rows).map(|row| row.example_id.as_str());
        bail!(Fault::input(format!(
            "the loss is {loss} and the gradient norm {gradient_norm} in step {}, on the examples {}; {}; a lower \
             train.learning_rate may help",
            step + 1,
            listed(ids),
            self.checkpoints.newest()
        )))
    }

    /// Ranks the state after an evaluation, and writes a checkpoint of a model that is among the best.
    fn keep(&mut self, dev: MetricValues, learner: &Learner, state: &mut State) -> Result<()> {
        let step = state.step;
        let epoch = self.batches.place(step).epochs();
        self.training_log.write(&LogEntry::Dev { step, epoch, metrics: dev.clone() })?;
        state.evaluated_at = Some(step);
        let place = state.ranking.enter(Ranked { step, dev }, self.config.monitor, self.config.save_top_k);
        state.stalled = if place == Some(0) { 0 } else { state.stalled + 1 };
        if place == Some(0) && step > 0 {
            log::info!("step {step} is the best so far");
        }
        match place {
            Some(_) => self.checkpoints.write(learner, state, &self.training_log),
            None => Ok(()),
        }
    }

    fn stop(&mut self, learner: &Learner, state: &State) -> Result<()> {
        if !self.checkpoints.have(state.step) {
            self.checkpoints.write(learner, state, &self.training_log)?;
        }
        bail!(Fault::stopped(format!(
            "stopped by a signal after step {} of {}, with everything saved; run the same command again to go on",
            state.step,
            self.learning_rate.total_steps()
        )))
    }

    fn is_finished(&self, state: &State) -> bool {
        let out_of_patience = self.config.early_stopping_patience.is_some_and(|most| state.stalled >= most);
        state.step >= self.learning_rate.total_steps() || out_of_patience
    }

    /// True after the last step in any case, so that there is always a model to keep.
    fn evaluation_due(&mut self, state: &State) -> bool {
        let step = state.step;
        let mut by_plan = |last| match (self.config.evaluate_every_steps, self.config.evaluations_per_epoch) {
            (Some(every), _) => step.is_multiple_of(every),
            (None, times) => self.batches.place(last).ends_a_part(times.unwrap_or(1)),
        };
        let due = step == self.learning_rate.total_steps() || step.checked_sub(1).is_some_and(&mut by_plan);
        state.evaluated_at != Some(step) && due
    }

    /// The number of examples in the whole training, with repetition.
    fn examples(&mut self) -> u64 {
        match self.config.max_steps {
            Some(steps) => self.batches.examples_expected(steps),
            None => self.config.epochs as u64 * self.train.len() as u64,
        }
    }
}
