//! An answer a question.

use anyhow::Result;
use metrics::answers::{AnswerScore, score};
use shared::figures::Metric;
use shared::schema::{Decoded, Prediction};

use super::{Outcomes, collect, mean};

#[derive(Debug)]
pub(super) struct Answers(Vec<AnswerScore>);

impl Answers {
    pub(super) fn of(predictions: &[Prediction]) -> Result<Answers> {
        Ok(Answers(collect(predictions, answer_score)?))
    }
}

/// None of another task's prediction.
pub(crate) fn answer_score(prediction: &Prediction) -> Option<AnswerScore> {
    let Decoded::Answers { answers } = &prediction.decoded else { return None };
    let truths: Vec<&str> =
        prediction.truth.as_answers()?.iter().map(|answer| answer.text.as_str()).collect();
    Some(score(answers.first().map_or("", |best| &best.text), &truths))
}

impl Outcomes for Answers {
    fn examples(&self) -> usize {
        self.0.len()
    }

    fn figure(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        match metric {
            Metric::ExactMatch => mean(rows, |row| self.0[row].exact_match),
            Metric::F1 => mean(rows, |row| self.0[row].f1),
            _ => None,
        }
    }

    fn is_right(&self, metric: Metric, row: usize) -> Option<bool> {
        (metric == Metric::ExactMatch).then_some(self.0[row].exact_match == 1.0)
    }
}
