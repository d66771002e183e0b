//! Masked tokens of an example.

use anyhow::Result;
use metrics::masked::TokenScores;
use shared::figures::Metric;
use shared::schema::{Decoded, MaskedGuess, Prediction};

use super::{Outcomes, collect};

#[derive(Debug)]
pub(super) struct Masked(Vec<MaskedRow>);

/// The masked tokens of an example together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaskedRow {
    /// The sum of cross-entropies, in nats.
    pub(crate) loss: f64,
    pub(crate) correct: u64,
    pub(crate) tokens: u64,
}

impl MaskedRow {
    /// None of another task's prediction.
    pub(crate) fn of(prediction: &Prediction) -> Option<MaskedRow> {
        let Decoded::Masked { guesses } = &prediction.decoded else { return None };
        let right = |guess: &&MaskedGuess| guess.predicted == guess.truth;
        Some(MaskedRow {
            loss: guesses.iter().map(|guess| -f64::from(guess.log_probability)).sum(),
            correct: guesses.iter().filter(right).count() as u64,
            tokens: guesses.len() as u64,
        })
    }
}

impl Masked {
    pub(super) fn of(predictions: &[Prediction]) -> Result<Masked> {
        Ok(Masked(collect(predictions, MaskedRow::of)?))
    }
}

impl Outcomes for Masked {
    fn examples(&self) -> usize {
        self.0.len()
    }

    fn figure(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        let mut scores = TokenScores::default();
        rows.iter().map(|&row| self.0[row]).for_each(|row| scores.add(row.loss, row.correct, row.tokens));
        match metric {
            Metric::Loss => scores.loss(),
            Metric::Perplexity => scores.perplexity(),
            Metric::MaskedAccuracy => (scores.tokens() > 0).then(|| scores.accuracy()),
            _ => None,
        }
    }
}
