//! Metrics of rows with any number of labels, as in scikit-learn.
//!
//! A row is a list of one [`Scored`] per label, in the order of the label ids: the probability of the label, and whether the
//! row has it.

use super::counts::{ClassMetrics, Counts, mean, ratio};
use super::ranking::{Scored, Step, steps};

/// The threshold of a model without a threshold of its own. [`best_threshold`] prefers thresholds near it.
pub const DEFAULT_THRESHOLD: f64 = 0.5;

/// The counts of each of `labels` labels: `[labels]`. A label is predicted if its probability is at least `threshold`.
///
/// The F1 of their sum is the micro F1, and [`macro_f1`](super::macro_f1) of them is the macro F1 (`zero_division=0`).
pub fn counts_from(rows: &[Vec<Scored>], labels: usize, threshold: f64) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); labels];
    for row in rows {
        for (counts, label) in counts.iter_mut().zip(row) {
            counts.add(label.positive, label.score >= threshold);
        }
    }
    counts
}

/// The metrics of every label; `labels` are their names in the order of `counts`.
pub fn classes(counts: &[Counts], labels: &[String]) -> Vec<ClassMetrics> {
    labels.iter().zip(counts).map(|(label, counts)| ClassMetrics::new(label, *counts)).collect()
}

/// `label_ranking_average_precision_score` of scikit-learn. The precision of a true label is the fraction of true labels among
/// the labels that rank as high or higher. The result is the mean over the true labels of a row, then over rows.
///
/// Equal scores share the worst of their ranks. A row with no true label, or with all, counts as 1. None without rows.
pub fn label_ranking_average_precision(rows: &[Vec<Scored>]) -> Option<f64> {
    mean(rows.iter().map(|row| row_precision(row)))
}

fn row_precision(row: &[Scored]) -> f64 {
    let true_labels: Vec<&Scored> = row.iter().filter(|label| label.positive).collect();
    if true_labels.len() == row.len() {
        return 1.0;
    }
    let precision = |label: &&Scored| {
        let rank = row.iter().filter(|other| other.score >= label.score).count() as u64;
        let true_rank = true_labels.iter().filter(|other| other.score >= label.score).count() as u64;
        ratio(true_rank, rank)
    };
    mean(true_labels.iter().map(precision)).unwrap_or(1.0)
}

/// The common threshold of all labels with the best micro F1: a probability that occurs in `rows`, or [`DEFAULT_THRESHOLD`].
///
/// Among equally good thresholds it is the nearest to [`DEFAULT_THRESHOLD`], and of two equally near ones the lower.
pub fn best_threshold(rows: &[Vec<Scored>]) -> f64 {
    let steps = steps(rows.iter().flatten().copied().collect());
    let support = steps.last().map_or(0, |all| all.positives);
    let from_default = steps.iter().rfind(|step| step.threshold >= DEFAULT_THRESHOLD).copied();
    let default = Step { threshold: DEFAULT_THRESHOLD, ..from_default.unwrap_or_default() };
    let f1 = |step: &Step| {
        let predicted = step.positives + step.negatives;
        Counts { correct: step.positives, predicted, support }.f1()
    };
    let distance = |step: &Step| (step.threshold - DEFAULT_THRESHOLD).abs();
    let better = |best: Step, step: &Step| {
        let order = f1(&best).total_cmp(&f1(step)).then(distance(step).total_cmp(&distance(&best)));
        let order = order.then(step.threshold.total_cmp(&best.threshold));
        if order.is_lt() { *step } else { best }
    };
    steps.iter().fold(default, better).threshold
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macro_f1;

    fn rows(rows: &[(&[f64], &[u8])]) -> Vec<Vec<Scored>> {
        let scored = |(score, truth): (&f64, &u8)| Scored { score: *score, positive: *truth == 1 };
        rows.iter().map(|(scores, truths)| scores.iter().zip(*truths).map(scored).collect()).collect()
    }

    #[test]
    fn averages_equal_those_of_scikit_learn() {
        let rows = rows(&[(&[0.9, 0.2, 0.7], &[1, 0, 0]), (&[0.5, 0.8, 0.1], &[1, 1, 0])]);
        let counts = counts_from(&rows, 3, 0.5);
        assert_eq!(counts.iter().copied().sum::<Counts>().f1(), 6.0 / 7.0);
        assert_eq!(macro_f1(&counts), 2.0 / 3.0);
        let report = classes(&counts, &["a".into(), "b".into(), "c".into()]);
        assert_eq!((report[0].support, report[2].precision), (2, 0.0));
    }

    fn check_ranking(scores: &[f64], truths: &[u8], expect: f64) {
        let value = label_ranking_average_precision(&rows(&[(scores, truths)])).unwrap();
        assert!((value - expect).abs() < 1e-12, "{value} of {scores:?} and {truths:?}");
    }

    #[test]
    fn ranking_precision_equals_that_of_scikit_learn() {
        // The two rows of the example on the function's page, which gives their mean, 0.416…
        check_ranking(&[0.75, 0.5, 1.0], &[1, 0, 0], 0.5);
        check_ranking(&[1.0, 0.2, 0.1], &[0, 0, 1], 1.0 / 3.0);
        check_ranking(&[0.5, 0.5, 0.5], &[1, 0, 1], 2.0 / 3.0);
        check_ranking(&[0.5, 0.1], &[0, 0], 1.0);
        check_ranking(&[0.5, 0.1], &[1, 1], 1.0);
        assert_eq!(label_ranking_average_precision(&[]), None);
    }

    fn check_threshold(scores: &[f64], truths: &[u8], expect: f64) {
        assert_eq!(best_threshold(&rows(&[(scores, truths)])), expect, "{scores:?} and {truths:?}");
    }

    #[test]
    fn the_best_threshold_stays_near_a_half() {
        check_threshold(&[0.2, 0.4, 0.9], &[0, 0, 1], 0.5);
        check_threshold(&[0.1, 0.3, 0.4], &[0, 1, 1], 0.3);
        check_threshold(&[0.6, 0.7, 0.8], &[0, 1, 1], 0.7);
        // F1 is 2/3 for the first label only and for all labels.
        check_threshold(&[0.75, 0.375, 0.25, 0.25], &[1, 0, 1, 0], 0.5);
        check_threshold(&[0.75, 0.625, 0.25, 0.25], &[1, 0, 1, 0], 0.25);
        check_threshold(&[0.3], &[0], 0.5);
        assert_eq!(best_threshold(&[]), 0.5);
    }
}
