//! Rows with any number of labels, scored label by label, as scikit-learn scores them.
//!
//! A row holds one [`Scored`] a label, in the order of the label ids: its probability, and whether the row
//! has it.

use super::counts::{ClassMetrics, Counts, mean, ratio};
use super::ranking::{Scored, Step, steps};

/// The threshold of `predict` without a training, and the one that [`best_threshold`] stays nearest to.
pub const DEFAULT_THRESHOLD: f64 = 0.5;

/// Counts of each of `labels` labels, taken for present from a probability of `threshold` on.
///
/// Their sum's F1 is the micro-F1, [`macro_f1`](super::macro_f1) of them the macro-F1 (`zero_division=0`).
pub fn counts_from(rows: &[Vec<Scored>], labels: usize, threshold: f64) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); labels];
    for row in rows {
        for (counts, label) in counts.iter_mut().zip(row) {
            counts.add(label.positive, label.score >= threshold);
        }
    }
    counts
}

/// A row of the report a label.
pub fn classes(counts: &[Counts], labels: &[String]) -> Vec<ClassMetrics> {
    labels.iter().zip(counts).map(|(label, counts)| ClassMetrics::new(label, *counts)).collect()
}

/// `label_ranking_average_precision_score`: for each true label, which fraction of the labels ranked as high
/// or higher is true; the mean over a row's true labels, then over rows.
///
/// Equal scores all have the worst of their ranks. A row with no label, or with all, counts as 1. None
/// without rows.
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

/// The one threshold of all labels with the best micro-F1: a probability that occurs, or
/// [`DEFAULT_THRESHOLD`].
///
/// Among equally good thresholds it is the nearest to [`DEFAULT_THRESHOLD`], and the lower of two as near.
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
    fn averages_are_scikit_learns() {
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
    fn ranking_precision_is_scikit_learns() {
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
        // F1 is 2/3 both ways: with the first alone, and with all.
        check_threshold(&[0.75, 0.375, 0.25, 0.25], &[1, 0, 1, 0], 0.5);
        check_threshold(&[0.75, 0.625, 0.25, 0.25], &[1, 0, 1, 0], 0.25);
        check_threshold(&[0.3], &[0], 0.5);
        assert_eq!(best_threshold(&[]), 0.5);
    }
}
