//! Calibration of probabilities (Guo et al., 2017, "On Calibration of Modern Neural Networks"): of the predictions with a
//! confidence of 0.8, 80 % should be correct.

use super::counts::{mean, ratio};

const BINS: usize = 15;

/// A prediction with its confidence and its correctness.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The probability of the predicted class.
    pub confidence: f64,
    /// True where the prediction is correct.
    pub correct: bool,
}

/// A reliability diagram and the expected calibration error.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The bins that hold predictions, by rising confidence.
    pub bins: Vec<Bin>,
    /// The expected calibration error: the mean over predictions of `|accuracy - confidence|` of their bin.
    pub expected_error: f64,
}

/// The predictions with a confidence in (`lower`, `upper`]; the first bin also holds a confidence of 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The lower bound, exclusive.
    pub lower: f64,
    /// The upper bound, inclusive.
    pub upper: f64,
    /// The number of predictions in the bin.
    pub predictions: u64,
    /// The mean confidence.
    pub confidence: f64,
    /// The share of correct predictions.
    pub accuracy: f64,
}

/// Puts predictions into 15 bins of equal width, as `sklearn.calibration.calibration_curve` does; none without predictions.
pub fn calibration(predictions: &[Judged]) -> Option<Calibration> {
    let mut binned: Vec<Vec<Judged>> = vec![Vec::new(); BINS];
    for prediction in predictions {
        binned[bin_of(prediction.confidence)].push(*prediction);
    }
    let bins: Vec<Bin> = binned.iter().enumerate().filter_map(|(index, judged)| bin(index, judged)).collect();
    let weighted = |bin: &Bin| bin.predictions as f64 * (bin.accuracy - bin.confidence).abs();
    let error = bins.iter().map(weighted).sum::<f64>() / predictions.len() as f64;
    (!bins.is_empty()).then_some(Calibration { bins, expected_error: error })
}

fn bin(index: usize, judged: &[Judged]) -> Option<Bin> {
    let right = judged.iter().filter(|prediction| prediction.correct).count() as u64;
    let predictions = judged.len() as u64;
    Some(Bin {
        lower: bound(index),
        upper: bound(index + 1),
        predictions,
        confidence: mean(judged.iter().map(|prediction| prediction.confidence))?,
        accuracy: ratio(right, predictions),
    })
}

/// The bound `index` of the bins, rounded as in `numpy.linspace(0, 1, 16)`, so that a confidence on a bound falls into the
/// same bin as in scikit-learn.
fn bound(index: usize) -> f64 {
    if index == BINS { 1.0 } else { index as f64 * (1.0 / BINS as f64) }
}

fn bin_of(confidence: f64) -> usize {
    (1..BINS).take_while(|&index| bound(index) < confidence).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pairs: &[(f64, bool)]) -> Vec<Judged> {
        pairs.iter().map(|&(confidence, correct)| Judged { confidence, correct }).collect()
    }

    #[test]
    fn the_error_is_the_mean_gap_of_accuracy_and_confidence() {
        let pairs = [(0.9, true), (0.92, false), (0.61, true), (0.65, true)];
        let calibration = calibration(&judged(&pairs)).unwrap();
        let [low, high] = calibration.bins[..] else { panic!("{:?}", calibration.bins) };
        assert_eq!((low.predictions, low.accuracy, high.predictions, high.accuracy), (2, 1.0, 2, 0.5));
        assert!((low.confidence - 0.63).abs() < 1e-12 && (high.confidence - 0.91).abs() < 1e-12);
        assert!((calibration.expected_error - (2.0 * 0.37 + 2.0 * 0.41) / 4.0).abs() < 1e-12);
    }

    fn check_bin(confidence: f64, expect: usize) {
        assert_eq!(bin_of(confidence), expect, "{confidence}");
    }

    #[test]
    fn a_bound_belongs_to_the_bin_below() {
        check_bin(0.0, 0);
        check_bin(bound(1), 0);
        check_bin(bound(1) + 1e-9, 1);
        check_bin(0.2, 2);
        check_bin(1.0, 14);
    }

    #[test]
    fn no_predictions_have_no_calibration() {
        assert_eq!(calibration(&[]), None);
    }
}
