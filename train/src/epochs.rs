//! The loop over epochs and steps.

use anyhow::{Result, ensure};
use bert::{AdamW, Batch, Dataset, SequenceClassifier, StepOutcome};
use shared::config::TrainConfig;
use shared::console::{Progress, Unit};
use shared::facts::DevMetrics;
use shared::fault::Fault;
use shared::metrics::Confusion;

use crate::batches::Batches;
use crate::best::BestModels;
use crate::journal::{Entry, Journal};
use crate::schedule::LearningRate;

/// Batches of an evaluation may be larger than those of training: nothing is kept for a backward pass.
const DEV_BATCH_FACTOR: usize = 2;

/// What does not change from step to step.
#[derive(Debug)]
pub(crate) struct Training<'a> {
    pub(crate) batches: Batches,
    pub(crate) learning_rate: LearningRate,
    pub(crate) train: &'a Dataset,
    pub(crate) dev: &'a Dataset,
    pub(crate) config: &'a TrainConfig,
}

impl Training<'_> {
    pub(crate) fn steps(&self) -> u64 {
        self.learning_rate.total_steps()
    }

    /// Trains to the end and returns the best models.
    pub(crate) fn run(
        &self,
        model: &mut SequenceClassifier,
        optimizer: &mut AdamW,
        journal: &mut Journal,
        mut best: BestModels,
    ) -> Result<BestModels> {
        let mut step = 0;
        let mut recent = Recent::default();
        if self.steps() == 0 {
            self.evaluate_and_keep(model, journal, &mut best, step)?;
        }
        for epoch in 0..self.config.epochs {
            let what = format!("epoch {}/{}", epoch + 1, self.config.epochs);
            let mut progress = Progress::new(what, self.train.len() as u64, Unit::Items);
            for rows in self.batches.of_epoch(epoch) {
                let rate = self.learning_rate.at(step);
                let outcome = self.step(model, optimizer, &rows, step, rate)?;
                step += 1;
                recent.add(outcome, rows.len());
                progress.set_message(recent.message(rate));
                progress.advance(rows.len() as u64);
                if step.is_multiple_of(self.config.log_every_steps) {
                    journal.write(&recent.take(step, self.epoch_at(step), rate))?;
                }
                if self.evaluates_after(step) {
                    self.evaluate_and_keep(model, journal, &mut best, step)?;
                }
            }
            progress.finish();
        }
        if recent.steps > 0 {
            journal.write(&recent.take(step, self.epoch_at(step), self.learning_rate.at(step - 1)))?;
        }
        Ok(best)
    }

    fn step(
        &self,
        model: &mut SequenceClassifier,
        optimizer: &mut AdamW,
        rows: &[usize],
        step: u64,
        rate: f64,
    ) -> Result<StepOutcome> {
        let batch = Batch::new(self.train.select(rows), model.config())?;
        let outcome = model.step(&batch, optimizer, rate)?;
        let sound = outcome.loss.is_finite() && outcome.gradient_norm.is_finite();
        ensure!(sound, {
            let ids: Vec<&str> = self.train.select(rows).map(|row| row.example_id.as_str()).collect();
            Fault::input(format!(
                "the loss is {} and the gradient norm {} in step {}, on the examples {}; a lower train.learning_rate may help",
                outcome.loss,
                outcome.gradient_norm,
                step + 1,
                ids.join(", ")
            ))
        });
        Ok(outcome)
    }

    fn epoch_at(&self, step: u64) -> f64 {
        step as f64 / self.batches.per_epoch() as f64
    }

    /// After the last step in any case: there is always a model to keep.
    fn evaluates_after(&self, step: u64) -> bool {
        let every = self.config.evaluate_every_steps.unwrap_or(self.batches.per_epoch());
        step.is_multiple_of(every) || step == self.steps()
    }

    fn evaluate_and_keep(
        &self,
        model: &SequenceClassifier,
        journal: &mut Journal,
        best: &mut BestModels,
        step: u64,
    ) -> Result<()> {
        let metrics = self.evaluate(model)?;
        journal.write(&Entry::Dev { step, epoch: self.epoch_at(step), metrics })?;
        best.offer(step, metrics, model)
    }

    fn evaluate(&self, model: &SequenceClassifier) -> Result<DevMetrics> {
        let frozen = model.frozen();
        let mut confusion = Confusion::new(model.config().id2label.len());
        let mut progress = Progress::new("dev", self.dev.len() as u64, Unit::Items);
        for rows in self.dev.by_length(self.config.batch_size * DEV_BATCH_FACTOR) {
            let batch = Batch::new(self.dev.select(&rows), model.config())?;
            for (logits, &label) in frozen.logits(&batch)?.iter().zip(batch.labels()) {
                confusion.add(logits, usize::try_from(label)?);
            }
            progress.advance(rows.len() as u64);
        }
        progress.finish();
        let metrics = confusion.summary();
        // A model that says nothing must not be kept as the best.
        let unsound =
            || Fault::input("the loss on dev is not a number; a lower train.learning_rate may help");
        ensure!(metrics.loss.is_finite(), unsound());
        let DevMetrics { loss, accuracy, macro_f1 } = metrics;
        log::info!("dev: loss {loss:.4}, accuracy {accuracy:.4}, macro-F1 {macro_f1:.4}");
        Ok(metrics)
    }
}

/// Sums over the steps since the last line of the journal.
#[derive(Debug, Default)]
struct Recent {
    steps: u64,
    examples: usize,
    correct: usize,
    loss: f64,
    gradient_norm: f64,
    /// Of the loss, for the eye: exponential, over some 50 steps.
    smoothed: Option<f64>,
}

impl Recent {
    fn add(&mut self, outcome: StepOutcome, examples: usize) {
        self.steps += 1;
        self.examples += examples;
        self.correct += outcome.correct;
        self.loss += outcome.loss;
        self.gradient_norm += outcome.gradient_norm;
        self.smoothed = Some(self.smoothed.map_or(outcome.loss, |mean| mean + 0.02 * (outcome.loss - mean)));
    }

    fn accuracy(&self) -> f64 {
        self.correct as f64 / self.examples.max(1) as f64
    }

    fn message(&self, rate: f64) -> String {
        format!("loss {:.4} acc {:.3} lr {rate:.2e}", self.smoothed.unwrap_or(f64::NAN), self.accuracy())
    }

    fn take(&mut self, step: u64, epoch: f64, learning_rate: f64) -> Entry {
        let steps = self.steps as f64;
        let entry = Entry::Train {
            step,
            epoch,
            loss: self.loss / steps,
            accuracy: self.accuracy(),
            gradient_norm: self.gradient_norm / steps,
            learning_rate,
        };
        *self = Recent { smoothed: self.smoothed, ..Recent::default() };
        entry
    }
}
