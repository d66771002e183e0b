//! Counts for precision, recall and F1, as scikit-learn defines them with `zero_division=0`.

use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// Counts of predictions, of true cases, and of correct predictions. Their sum over rows or classes gives the micro average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of correct predictions.
    pub correct: u64,
    /// The number of predictions.
    pub predicted: u64,
    /// The number of true cases.
    pub support: u64,
}

/// The metrics of one class, a row of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// The name of the class.
    pub label: String,
    /// Correct predictions / predictions.
    pub precision: f64,
    /// Correct predictions / examples with this label.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// The number of examples with this label.
    pub support: u64,
}

impl Counts {
    /// Correct predictions / predictions; 0 without predictions.
    pub fn precision(self) -> f64 {
        ratio(self.correct, self.predicted)
    }

    /// Correct predictions / true cases; 0 without true cases.
    pub fn recall(self) -> f64 {
        ratio(self.correct, self.support)
    }

    /// The harmonic mean of precision and recall; 0 without predictions and true cases.
    pub fn f1(self) -> f64 {
        ratio(2 * self.correct, self.predicted + self.support)
    }

    /// True for a class that was neither predicted nor true.
    pub(super) fn is_absent(self) -> bool {
        self.predicted + self.support == 0
    }

    /// The counts of one example, from its true class and the predicted one.
    pub fn of(truth: bool, predicted: bool) -> Counts {
        Counts {
            correct: u64::from(truth && predicted),
            predicted: u64::from(predicted),
            support: u64::from(truth),
        }
    }

    /// Adds one example with its true class and the predicted one.
    pub(super) fn add(&mut self, truth: bool, predicted: bool) {
        *self = *self + Counts::of(truth, predicted);
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            correct: self.correct + other.correct,
            predicted: self.predicted + other.predicted,
            support: self.support + other.support,
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), Add::add)
    }
}

impl ClassMetrics {
    pub(super) fn new(label: &str, counts: Counts) -> ClassMetrics {
        ClassMetrics {
            label: label.to_owned(),
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            support: counts.support,
        }
    }
}

/// The unweighted mean of the classes' F1; 0 without classes.
pub fn macro_f1(classes: &[Counts]) -> f64 {
    mean(classes.iter().map(|class| class.f1())).unwrap_or(0.0)
}

/// The arithmetic mean; none without values.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counts: [u64; 3], precision: f64, recall: f64, f1: f64) {
        let [correct, predicted, support] = counts;
        let counts = Counts { correct, predicted, support };
        assert_eq!([counts.precision(), counts.recall(), counts.f1()], [precision, recall, f1], "{counts:?}");
    }

    #[test]
    fn a_quotient_without_denominator_is_zero() {
        check([1, 2, 4], 0.5, 0.25, 1.0 / 3.0);
        check([0, 3, 0], 0.0, 0.0, 0.0);
        check([0, 0, 0], 0.0, 0.0, 0.0);
    }

    #[test]
    fn macro_f1_weighs_all_classes_equally() {
        let full = Counts { correct: 100, predicted: 100, support: 100 };
        assert_eq!(macro_f1(&[full, Counts::default()]), 0.5);
        assert_eq!(macro_f1(&[]), 0.0);
    }
}
