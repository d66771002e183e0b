//! The steps that were best on dev.

use serde::{Deserialize, Serialize};
use shared::config::{Best, Metric, Monitor};
use shared::facts::DevMetrics;

/// Best first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranking(Vec<Ranked>);

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ranked {
    pub(crate) step: u64,
    pub(crate) dev: DevMetrics,
}

impl Ranking {
    /// Enters a step and returns its place, from 0, if it is among the first `capacity`; of two that are equal the
    /// earlier is the better.
    pub(crate) fn enter(&mut self, new: Ranked, monitor: Monitor, capacity: usize) -> Option<usize> {
        let value = |ranked: &Ranked| match monitor.metric {
            Metric::Loss => ranked.dev.loss,
            Metric::Accuracy => ranked.dev.accuracy,
            Metric::MacroF1 => ranked.dev.macro_f1,
        };
        let better = |other: &&Ranked| match monitor.best {
            Best::Min => value(other) <= value(&new),
            Best::Max => value(other) >= value(&new),
        };
        let place = self.0.iter().take_while(better).count();
        if place >= capacity {
            return None;
        }
        self.0.insert(place, new);
        self.0.truncate(capacity);
        Some(place)
    }

    pub(crate) fn best(&self) -> Option<Ranked> {
        self.0.first().copied()
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|ranked| ranked.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(step: u64, loss: f64, accuracy: f64) -> Ranked {
        Ranked { step, dev: DevMetrics { loss, accuracy, macro_f1: 0.0 } }
    }

    fn check(new: Ranked, monitor: Monitor, place: Option<usize>, steps: &[u64]) {
        let mut ranking = Ranking(vec![ranked(1, 0.3, 0.9), ranked(2, 0.5, 0.8)]);
        assert_eq!(ranking.enter(new, monitor, 3), place);
        assert_eq!(ranking.steps().collect::<Vec<_>>(), steps);
    }

    #[test]
    fn the_monitor_decides_and_ties_go_to_the_earlier() {
        let by_loss = Monitor { metric: Metric::Loss, best: Best::Min };
        check(ranked(3, 0.2, 0.0), by_loss, Some(0), &[3, 1, 2]);
        check(ranked(3, 0.3, 0.0), by_loss, Some(1), &[1, 3, 2]);
        check(ranked(3, 0.6, 0.0), by_loss, Some(2), &[1, 2, 3]);
        let by_accuracy = Monitor { metric: Metric::Accuracy, best: Best::Max };
        check(ranked(3, 0.9, 0.95), by_accuracy, Some(0), &[3, 1, 2]);
        check(ranked(3, 0.1, 0.9), by_accuracy, Some(1), &[1, 3, 2]);
    }

    #[test]
    fn what_falls_behind_is_dropped() {
        let by_loss = Monitor { metric: Metric::Loss, best: Best::Min };
        let mut ranking = Ranking::default();
        let mut enter = |step, loss| ranking.enter(ranked(step, loss, 0.0), by_loss, 1);
        assert_eq!((enter(1, 0.5), enter(2, 0.4), enter(3, 0.4)), (Some(0), Some(0), None));
        assert_eq!(ranking.best().map(|best| best.step), Some(2));
    }
}
