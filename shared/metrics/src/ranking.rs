//! ROC curves and precision-recall curves, as in scikit-learn.

/// The score of a class for a row, and whether the row belongs to the class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The score of the class.
    pub score: f64,
    /// True if the row belongs to the class.
    pub positive: bool,
}

/// A ROC curve: `roc_curve` with `drop_intermediate=False`, and `roc_auc_score`.
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    /// One point per distinct score, from (0, 0) with an infinite threshold to (1, 1).
    pub points: Vec<RocPoint>,
    /// The area under the curve.
    pub auc: f64,
}

/// The rates if every score of at least `threshold` counts as positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// The least score that counts as positive.
    pub threshold: f64,
    /// False positives / negative rows.
    pub false_positive_rate: f64,
    /// True positives / positive rows.
    pub true_positive_rate: f64,
}

/// A precision-recall curve: `precision_recall_curve` in reverse order, and `average_precision_score`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecall {
    /// One point per distinct score, from recall 0, precision 1 and an infinite threshold to recall 1.
    pub points: Vec<PrecisionRecallPoint>,
    /// `Σₙ (recallₙ - recallₙ₋₁) · precisionₙ`, without interpolation.
    pub average_precision: f64,
}

/// Precision and recall if every score of at least `threshold` counts as positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionRecallPoint {
    /// The least score that counts as positive.
    pub threshold: f64,
    /// True positives / rows that count as positive.
    pub precision: f64,
    /// True positives / positive rows.
    pub recall: f64,
}

/// The numbers of positive and negative rows with a score of at least `threshold`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    pub(super) threshold: f64,
    pub(super) positives: u64,
    pub(super) negatives: u64,
}

/// The distinct scores, highest first, with the counts of rows at or above each. Rows of equal score form one step, because no
/// threshold separates them.
pub(super) fn steps(mut rows: Vec<Scored>) -> Vec<Step> {
    rows.sort_by(|left, right| right.score.total_cmp(&left.score));
    let mut so_far = Step::default();
    let groups = rows.chunk_by(|left, right| left.score == right.score);
    groups
        .map(|group| {
            let positives = group.iter().filter(|row| row.positive).count() as u64;
            so_far.threshold = group[0].score;
            so_far.positives += positives;
            so_far.negatives += group.len() as u64 - positives;
            so_far
        })
        .collect()
}

/// The ROC curve; none unless there are both positive and negative rows.
pub fn roc(rows: &[Scored]) -> Option<Roc> {
    let steps = steps(rows.to_vec());
    let all = steps.last().filter(|all| all.positives > 0 && all.negatives > 0)?;
    let origin = Step { threshold: f64::INFINITY, ..Step::default() };
    let point = |step: &Step| RocPoint {
        threshold: step.threshold,
        false_positive_rate: step.negatives as f64 / all.negatives as f64,
        true_positive_rate: step.positives as f64 / all.positives as f64,
    };
    let points: Vec<RocPoint> = std::iter::once(&origin).chain(&steps).map(point).collect();
    let trapezoid = |(left, right): (&RocPoint, &RocPoint)| {
        let width = right.false_positive_rate - left.false_positive_rate;
        width * (left.true_positive_rate + right.true_positive_rate) / 2.0
    };
    let auc = points.iter().zip(points.iter().skip(1)).map(trapezoid).sum();
    Some(Roc { points, auc })
}

/// The precision-recall curve; none without positive rows.
pub fn precision_recall(rows: &[Scored]) -> Option<PrecisionRecall> {
    let steps = steps(rows.to_vec());
    let all = steps.last().filter(|all| all.positives > 0)?;
    let mut points = vec![PrecisionRecallPoint { threshold: f64::INFINITY, precision: 1.0, recall: 0.0 }];
    points.extend(steps.iter().map(|step| PrecisionRecallPoint {
        threshold: step.threshold,
        precision: step.positives as f64 / (step.positives + step.negatives) as f64,
        recall: step.positives as f64 / all.positives as f64,
    }));
    let rectangles = points.iter().zip(points.iter().skip(1));
    let average_precision =
        rectangles.map(|(left, right)| (right.recall - left.recall) * right.precision).sum();
    Some(PrecisionRecall { points, average_precision })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pairs: &[(f64, bool)]) -> Vec<Scored> {
        pairs.iter().map(|&(score, positive)| Scored { score, positive }).collect()
    }

    fn check(pairs: &[(f64, bool)], auc: f64, average_precision: f64) {
        let rows = rows(pairs);
        assert!((roc(&rows).unwrap().auc - auc).abs() < 1e-12, "{pairs:?}");
        assert!((precision_recall(&rows).unwrap().average_precision - average_precision).abs() < 1e-12);
    }

    #[test]
    fn areas_equal_those_of_scikit_learn() {
        // The example in scikit-learn's documentation of both functions.
        check(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)], 0.75, 5.0 / 6.0);
        check(&[(0.9, true), (0.1, false)], 1.0, 1.0);
        check(&[(0.1, true), (0.9, false)], 0.0, 0.5);
    }

    #[test]
    fn equal_scores_are_one_point() {
        let tied = [(0.5, true), (0.5, false), (0.5, false), (0.5, true)];
        check(&tied, 0.5, 0.5);
        let curve = roc(&rows(&tied)).unwrap();
        let ends: Vec<_> =
            curve.points.iter().map(|at| (at.false_positive_rate, at.true_positive_rate)).collect();
        assert_eq!(ends, [(0.0, 0.0), (1.0, 1.0)]);
    }

    #[test]
    fn rows_of_one_class_have_no_roc() {
        assert_eq!(roc(&rows(&[(0.5, true)])), None);
        assert_eq!(roc(&rows(&[(0.5, false)])), None);
        assert_eq!(precision_recall(&rows(&[(0.5, false)])), None);
        assert_eq!(precision_recall(&rows(&[(0.5, true)])).unwrap().average_precision, 1.0);
        assert_eq!((roc(&[]), precision_recall(&[])), (None, None));
    }
}
