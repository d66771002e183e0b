//! A score an example.

use anyhow::Result;
use metrics::regression::{PARAPHRASE, Rating, counts_from, mean_squared_error, pearson, spearman};
use shared::figures::Metric;
use shared::schema::{Decoded, Prediction};

use super::{Outcomes, collect};

#[derive(Debug)]
pub(super) struct Ratings(Vec<Rating>);

impl Ratings {
    pub(super) fn of(predictions: &[Prediction]) -> Result<Ratings> {
        Ok(Ratings(collect(predictions, rating)?))
    }
}

/// None of another task's prediction.
pub(crate) fn rating(prediction: &Prediction) -> Option<Rating> {
    let Decoded::Score { score } = prediction.decoded else { return None };
    Some(Rating { predicted: score.into(), label: prediction.truth.as_score()? })
}

impl Outcomes for Ratings {
    fn examples(&self) -> usize {
        self.0.len()
    }

    fn figure(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        let ratings: Vec<Rating> = rows.iter().map(|&row| self.0[row]).collect();
        match metric {
            Metric::Pearson => pearson(&ratings).ok(),
            Metric::Spearman => spearman(&ratings).ok(),
            Metric::F1AtThree => Some(counts_from(&ratings, PARAPHRASE).f1()),
            Metric::Loss => mean_squared_error(&ratings),
            _ => None,
        }
    }
}
