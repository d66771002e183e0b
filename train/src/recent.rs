//! Sums over the steps since the last line of the journal.

use bert::StepOutcome;
use serde::{Deserialize, Serialize};

use crate::journal::Entry;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recent {
    steps: u64,
    examples: usize,
    correct: usize,
    loss: f64,
    gradient_norm: f64,
    learning_rate: f64,
    /// Of the loss, for the eye: exponential, over some 50 steps.
    smoothed: Option<f64>,
}

impl Recent {
    pub(crate) fn add(&mut self, outcome: StepOutcome, examples: usize, learning_rate: f64) {
        self.steps += 1;
        self.examples += examples;
        self.correct += outcome.correct;
        self.loss += outcome.loss;
        self.gradient_norm += outcome.gradient_norm;
        self.learning_rate = learning_rate;
        self.smoothed = Some(self.smoothed.map_or(outcome.loss, |mean| mean + 0.02 * (outcome.loss - mean)));
    }

    fn accuracy(&self) -> f64 {
        self.correct as f64 / self.examples.max(1) as f64
    }

    /// For the progress bar.
    pub(crate) fn message(&self) -> String {
        let smoothed = self.smoothed.unwrap_or(f64::NAN);
        format!("loss {smoothed:.4} acc {:.3} lr {:.2e}", self.accuracy(), self.learning_rate)
    }

    /// The means as a line of the journal, where there have been steps; begins anew.
    pub(crate) fn take(&mut self, step: u64, epoch: f64) -> Option<Entry> {
        let steps = self.steps as f64;
        let entry = Entry::Train {
            step,
            epoch,
            loss: self.loss / steps,
            accuracy: self.accuracy(),
            gradient_norm: self.gradient_norm / steps,
            learning_rate: self.learning_rate,
        };
        let any = self.steps > 0;
        *self = Recent { smoothed: self.smoothed, ..Recent::default() };
        any.then_some(entry)
    }
}
