//! Metrics of predicted scores, as KLUE-STS and KorSTS report them.

use std::fmt;

use super::counts::{Counts, mean};

/// The least score of a paraphrase in KLUE-STS (`klue_sts_f1` of KLUE-baseline).
pub const PARAPHRASE: f64 = 3.0;

/// The predicted and the true score of one example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// The predicted score.
    pub predicted: f64,
    /// The true score.
    pub label: f64,
}

/// The reason why a correlation is undefined; `scipy.stats` warns and gives NaN there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncorrelated {
    /// There are fewer than two rows.
    TooFew,
    /// All predicted scores are equal.
    ConstantPredictions,
    /// All true scores are equal.
    ConstantLabels,
    /// A score is NaN or infinite.
    NotFinite,
}

impl Uncorrelated {
    /// A remedy, as a clause for messages.
    pub fn remedy(self) -> &'static str {
        match self {
            Uncorrelated::TooFew | Uncorrelated::ConstantLabels => "evaluate another split",
            Uncorrelated::ConstantPredictions => "train longer, or at another learning rate",
            Uncorrelated::NotFinite => "train again at a lower learning rate",
        }
    }
}

impl fmt::Display for Uncorrelated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Uncorrelated::TooFew => "there are fewer than two examples",
            Uncorrelated::ConstantPredictions => "every predicted score is the same",
            Uncorrelated::ConstantLabels => "every gold score is the same",
            Uncorrelated::NotFinite => "a score is not a finite number",
        })
    }
}

/// The Pearson correlation, as `scipy.stats.pearsonr`.
///
/// # Errors
/// The reason why it is undefined.
pub fn pearson(ratings: &[Rating]) -> Result<f64, Uncorrelated> {
    if ratings.len() < 2 {
        return Err(Uncorrelated::TooFew);
    }
    let labels = unit(ratings.iter().map(|rating| rating.label), Uncorrelated::ConstantLabels)?;
    let predicted = unit(ratings.iter().map(|rating| rating.predicted), Uncorrelated::ConstantPredictions)?;
    let correlation: f64 = predicted.iter().zip(&labels).map(|(left, right)| left * right).sum();
    Ok(correlation.clamp(-1.0, 1.0))
}

/// The Spearman correlation, as `scipy.stats.spearmanr`: the Pearson correlation of the ranks. Equal values share the mean of
/// their ranks.
///
/// # Errors
/// The reason why it is undefined.
pub fn spearman(ratings: &[Rating]) -> Result<f64, Uncorrelated> {
    if !ratings.iter().all(|rating| rating.predicted.is_finite() && rating.label.is_finite()) {
        return Err(Uncorrelated::NotFinite);
    }
    let predicted = mean_ranks(&ratings.iter().map(|rating| rating.predicted).collect::<Vec<_>>());
    let labels = mean_ranks(&ratings.iter().map(|rating| rating.label).collect::<Vec<_>>());
    let ranks = predicted.into_iter().zip(labels).map(|(predicted, label)| Rating { predicted, label });
    pearson(&ranks.collect::<Vec<_>>())
}

/// The counts of the class "a score of at least `threshold`". With [`PARAPHRASE`] their F1 is that of KLUE-STS.
pub fn counts_from(ratings: &[Rating], threshold: f64) -> Counts {
    let mut counts = Counts::default();
    for rating in ratings {
        counts.add(rating.label >= threshold, rating.predicted >= threshold);
    }
    counts
}

/// The mean squared error; none without rows.
pub fn mean_squared_error(ratings: &[Rating]) -> Option<f64> {
    mean(ratings.iter().map(|rating| (rating.predicted - rating.label).powi(2)))
}

/// The differences of the values from their mean, scaled to a vector of L2 norm 1.
///
/// # Errors
/// `constant` if all values are equal; [`Uncorrelated::NotFinite`] if a value is not finite.
fn unit(
    values: impl ExactSizeIterator<Item = f64> + Clone,
    constant: Uncorrelated,
) -> Result<Vec<f64>, Uncorrelated> {
    // The values are compared, not their differences: rounding may give a mean that differs slightly from equal values.
    let first = values.clone().next();
    if values.clone().all(|value| value.is_finite() && Some(value) == first) {
        return Err(constant);
    }
    let mean = mean(values.clone()).ok_or(constant)?;
    let centred: Vec<f64> = values.map(|value| value - mean).collect();
    let most = centred.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    // The values are scaled first, because squares of very large or very small values leave the range of f64.
    let norm = most * centred.iter().map(|value| (value / most).powi(2)).sum::<f64>().sqrt();
    if norm.is_finite() {
        Ok(centred.iter().map(|value| value / norm).collect())
    } else {
        Err(Uncorrelated::NotFinite)
    }
}

/// The rank of each value, from 1. Equal values share the mean of their ranks, as in `scipy.stats.rankdata`.
fn mean_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
    order.sort_by(|(_, left), (_, right)| left.total_cmp(right));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for equal in order.chunk_by(|(_, left), (_, right)| left == right) {
        let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
        equal.iter().for_each(|&(row, _)| ranks[row] = rank);
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratings(pairs: &[(f64, f64)]) -> Vec<Rating> {
        pairs.iter().map(|&(predicted, label)| Rating { predicted, label }).collect()
    }

    fn check(value: Result<f64, Uncorrelated>, expect: f64) {
        let value = value.unwrap();
        assert!((value - expect).abs() < 1e-12, "{value} is not {expect}");
    }

    #[test]
    fn correlations_equal_those_of_scipy() {
        let rows = ratings(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0), (5.0, 5.0)]);
        check(pearson(&rows), 0.8);
        check(spearman(&rows), 0.8);
        let curved = ratings(&[(1.0, 1.0), (2.0, 10.0), (3.0, 1000.0)]);
        check(spearman(&curved), 1.0);
        assert!(pearson(&curved).unwrap() < 0.9);
    }

    #[test]
    fn very_large_and_small_values_correlate_too() {
        check(pearson(&ratings(&[(1e200, 1.0), (2e200, 2.0), (3e200, 3.0)])), 1.0);
        check(pearson(&ratings(&[(1e-200, 3.0), (2e-200, 2.0), (3e-200, 1.0)])), -1.0);
    }

    #[test]
    fn equal_values_share_their_mean_rank() {
        assert_eq!(mean_ranks(&[0.5, 0.1, 0.5, 0.5, 0.9]), [3.0, 1.0, 3.0, 3.0, 5.0]);
        assert_eq!(mean_ranks(&[0.0, -0.0, 1.0]), [1.5, 1.5, 3.0]);
    }

    fn check_undefined(pairs: &[(f64, f64)], why: Uncorrelated) {
        assert_eq!((pearson(&ratings(pairs)), spearman(&ratings(pairs))), (Err(why), Err(why)), "{pairs:?}");
    }

    #[test]
    fn a_constant_side_has_no_correlation() {
        check_undefined(&[], Uncorrelated::TooFew);
        check_undefined(&[(1.0, 2.0)], Uncorrelated::TooFew);
        check_undefined(&[(0.1, 1.0), (0.1, 2.0), (0.1, 3.0)], Uncorrelated::ConstantPredictions);
        check_undefined(&[(1.0, 0.7), (2.0, 0.7)], Uncorrelated::ConstantLabels);
        check_undefined(&[(f64::NAN, 0.7), (2.0, 0.8)], Uncorrelated::NotFinite);
        check_undefined(&[(f64::INFINITY, 0.7), (f64::INFINITY, 0.8)], Uncorrelated::NotFinite);
    }

    #[test]
    fn the_threshold_itself_is_positive() {
        let rows = ratings(&[(3.0, 5.0), (2.999, 3.0), (4.0, 1.0), (0.0, 0.0)]);
        let counts = counts_from(&rows, PARAPHRASE);
        assert_eq!(counts, Counts { correct: 1, predicted: 2, support: 2 });
        assert_eq!(counts.f1(), 0.5);
    }

    #[test]
    fn errors_are_squared() {
        assert_eq!(mean_squared_error(&ratings(&[(1.0, 3.0), (2.0, 2.0)])), Some(2.0));
        assert_eq!(mean_squared_error(&[]), None);
    }
}
