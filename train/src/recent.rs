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
    /// For the eye.
    smoothed: Option<Smoothed>,
}

/// Exponential means over some 50 steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Smoothed {
    loss: f64,
    accuracy: f64,
}

impl Recent {
    pub(crate) fn add(&mut self, outcome: StepOutcome, examples: usize, learning_rate: f64) {
        self.steps += 1;
        self.examples += examples;
        self.correct += outcome.correct;
        self.loss += outcome.loss;
        self.gradient_norm += outcome.gradient_norm;
        self.learning_rate = learning_rate;
        let now = Smoothed { loss: outcome.loss, accuracy: outcome.correct as f64 / examples as f64 };
        let toward = |mean: f64, now: f64| mean + 0.02 * (now - mean);
        self.smoothed = Some(self.smoothed.map_or(now, |mean| Smoothed {
            loss: toward(mean.loss, now.loss),
            accuracy: toward(mean.accuracy, now.accuracy),
        }));
    }

    /// For the progress bar, after a step.
    pub(crate) fn message(&self) -> String {
        let Some(Smoothed { loss, accuracy }) = self.smoothed else { return String::new() };
        format!("loss {loss:.4} acc {accuracy:.3} lr {:.2e}", self.learning_rate)
    }

    /// The means as a line of the journal, where there have been steps; begins anew.
    pub(crate) fn take(&mut self, step: u64, epoch: f64) -> Option<Entry> {
        let steps = self.steps as f64;
        let entry = Entry::Train {
            step,
            epoch,
            loss: self.loss / steps,
            accuracy: self.correct as f64 / self.examples as f64,
            gradient_norm: self.gradient_norm / steps,
            learning_rate: self.learning_rate,
        };
        let any = self.steps > 0;
        *self = Recent { smoothed: self.smoothed, learning_rate: self.learning_rate, ..Recent::default() };
        any.then_some(entry)
    }
}
