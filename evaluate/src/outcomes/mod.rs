//! What every example adds to a metric, so that the metric can be computed anew of any choice of examples: of a resample,
//! of texts of one length.

mod answers;
mod classes;
mod entities;
mod label_sets;
mod masked;
mod ratings;

use std::fmt::Debug;

use anyhow::Result;
use metrics::entities::TagScheme;
use shared::fault::Fault;
use shared::figures::Metric;
use shared::schema::Prediction;
use shared::task::Task;
use tasks::TaskParams;

pub(crate) use answers::answer_score;
pub(crate) use masked::MaskedRow;
pub(crate) use ratings::rating;

/// The examples of a split, in their order.
pub(crate) trait Outcomes: Debug + Sync {
    fn examples(&self) -> usize;

    /// `metric` of the examples `rows`, which may hold one several times; none where it has no value on them, or needs
    /// more than single examples have.
    fn figure(&self, metric: Metric, rows: &[usize]) -> Option<f64>;

    /// Whether the example `row` is right by `metric`; none where that is a matter of degree.
    fn is_right(&self, metric: Metric, row: usize) -> Option<bool> {
        let _ = (metric, row);
        None
    }
}

/// # Errors
/// An input fault where predictions are not of `task` and the run's labels.
pub(crate) fn outcomes(
    task: Task,
    predictions: &[Prediction],
    params: &TaskParams,
) -> Result<Box<dyn Outcomes>> {
    Ok(match task {
        Task::Classification | Task::PairClassification => {
            Box::new(classes::Classes::of(predictions, params)?)
        }
        Task::Regression | Task::PairRegression => Box::new(ratings::Ratings::of(predictions)?),
        Task::MultiLabel => Box::new(label_sets::LabelSets::of(predictions, params)?),
        Task::EntityRecognition if params.entity_recognition.scheme == Some(TagScheme::Plain) => {
            Box::new(entities::Words::of(predictions, params)?)
        }
        Task::EntityRecognition => Box::new(entities::Entities::of(predictions, params)?),
        Task::QuestionAnswering => Box::new(answers::Answers::of(predictions)?),
        Task::MaskedLm => Box::new(masked::Masked::of(predictions)?),
    })
}

/// Of every prediction, by `outcome`, which has none for another task's.
fn collect<T>(predictions: &[Prediction], outcome: impl Fn(&Prediction) -> Option<T>) -> Result<Vec<T>> {
    let one = |prediction: &Prediction| {
        let id = &prediction.example_id;
        outcome(prediction).ok_or_else(|| {
            Fault::input(format!("the prediction of example {id} is of another task, or has no label")).into()
        })
    };
    predictions.iter().map(one).collect()
}

/// The arithmetic mean of what `value` gives for `rows`; none of nothing.
fn mean(rows: &[usize], value: impl Fn(usize) -> f64) -> Option<f64> {
    let sum: f64 = rows.iter().map(|&row| value(row)).sum();
    (!rows.is_empty()).then(|| sum / rows.len() as f64)
}

#[cfg(test)]
mod tests;
