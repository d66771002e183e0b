//! The best steps on dev.

use serde::{Deserialize, Serialize};
use shared::config::{Best, Monitor};
use shared::metric::MetricValues;

/// The ranked steps, the best first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranking(Vec<Ranked>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ranked {
    pub(crate) step: u64,
    pub(crate) dev: MetricValues,
}

impl Ranking {
    /// Enters a step and returns its place, from 0, if it is among the first `capacity`; of two that are equal the
    /// earlier is the better.
    pub(crate) fn enter(&mut self, new: Ranked, monitor: Monitor, capacity: usize) -> Option<usize> {
        // A step without a value is worse than every step with one.
        let worst = match monitor.best {
            Best::Min => f64::INFINITY,
            Best::Max => f64::NEG_INFINITY,
        };
        let value = |ranked: &Ranked| ranked.dev.get(monitor.metric).unwrap_or(worst);
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

    pub(crate) fn best(&self) -> Option<&Ranked> {
        self.0.first()
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|ranked| ranked.step)
    }
}

#[cfg(test)]
mod tests {
    use shared::metric::Metric;

    use super::*;

    fn ranked(step: u64, loss: f64, accuracy: f64) -> Ranked {
        Ranked { step, dev: [(Metric::Loss, loss), (Metric::Accuracy, accuracy)].into() }
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
    fn what_could_not_be_measured_comes_last() {
        let by_correlation = Monitor { metric: Metric::Pearson, best: Best::Max };
        let mut ranking = Ranking::default();
        assert_eq!(ranking.enter(ranked(1, 0.5, 0.0), by_correlation, 2), Some(0));
        let measured = Ranked { step: 2, dev: [(Metric::Pearson, -0.5)].into() };
        assert_eq!(ranking.enter(measured, by_correlation, 2), Some(0));
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
