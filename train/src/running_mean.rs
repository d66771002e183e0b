//! Means over the steps since the last line of the training log.

use models::StepOutcome;
use serde::{Deserialize, Serialize};
use shared::training_log::LogEntry;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunningMean {
    steps: u64,
    /// Predictions; the name in checkpoints stays.
    #[serde(rename = "guesses")]
    total: usize,
    /// Correct predictions; the name in checkpoints stays.
    #[serde(rename = "hits")]
    correct: usize,
    loss: f64,
    gradient_norm: f64,
    learning_rate: f64,
    /// Smoothed values for the progress bar.
    smoothed: Option<Smoothed>,
}

/// Exponential means over about 50 steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Smoothed {
    loss: f64,
    accuracy: Option<f64>,
}

impl RunningMean {
    pub(crate) fn add(&mut self, outcome: StepOutcome, learning_rate: f64) {
        self.steps += 1;
        self.total += outcome.total;
        self.correct += outcome.correct;
        self.loss += outcome.loss;
        self.gradient_norm += outcome.gradient_norm;
        self.learning_rate = learning_rate;
        let now = Smoothed { loss: outcome.loss, accuracy: share(outcome.correct, outcome.total) };
        let toward = |mean: f64, now: f64| mean + 0.02 * (now - mean);
        self.smoothed = Some(self.smoothed.map_or(now, |mean| Smoothed {
            loss: toward(mean.loss, now.loss),
            accuracy: mean.accuracy.zip(now.accuracy).map(|(mean, now)| toward(mean, now)).or(now.accuracy),
        }));
    }

    /// The message of the progress bar after a step.
    pub(crate) fn message(&self) -> String {
        let Some(Smoothed { loss, accuracy }) = self.smoothed else { return String::new() };
        let accuracy = accuracy.map_or(String::new(), |accuracy| format!(" acc {accuracy:.3}"));
        format!("loss {loss:.4}{accuracy} lr {:.2e}", self.learning_rate)
    }

    /// Takes the means as a line of the training log and resets them; none where there were no steps.
    pub(crate) fn take(&mut self, step: u64, epoch: f64) -> Option<LogEntry> {
        let steps = self.steps as f64;
        let entry = LogEntry::Train {
            step,
            epoch,
            loss: self.loss / steps,
            accuracy: share(self.correct, self.total),
            gradient_norm: self.gradient_norm / steps,
            learning_rate: self.learning_rate,
        };
        let any = self.steps > 0;
        *self = RunningMean {
            smoothed: self.smoothed,
            learning_rate: self.learning_rate,
            ..RunningMean::default()
        };
        any.then_some(entry)
    }
}

/// None where accuracy is not defined.
fn share(correct: usize, total: usize) -> Option<f64> {
    (total > 0).then(|| correct as f64 / total as f64)
}
