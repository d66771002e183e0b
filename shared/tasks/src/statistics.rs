//! Per-example statistics. Every metric of a split is a fold over the statistics of its examples, so the same code computes the
//! metrics of a whole split, of a resample, and of the texts of one length.

use std::fmt::Debug;

use anyhow::Result;
use metrics::regression::Uncorrelated;
use shared::fault::Fault;
use shared::metric::{Metric, MetricValues};
use shared::schema::Prediction;
use shared::task::Task;

use crate::scores::{Details, Scores, Undefined};
use crate::{TaskParams, spec};

/// The statistics of the examples of a split, in their order.
pub trait Statistics: Debug + Sync {
    /// The number of examples.
    fn examples(&self) -> usize;

    /// Computes `metric` on the examples with the indices `rows`; a resample may hold an index several times. None if the
    /// metric has no value on them, or does not follow from these statistics.
    fn metric(&self, metric: Metric, rows: &[usize]) -> Option<f64>;

    /// True if the example `row` is correct by `metric`; none for a metric that is not a share of correct examples.
    fn is_correct(&self, metric: Metric, row: usize) -> Option<bool> {
        let _ = (metric, row);
        None
    }

    /// The reason why `metric` has no value on the whole split; none if it has a value.
    fn undefined(&self, metric: Metric) -> Option<Uncorrelated> {
        let _ = metric;
        None
    }

    /// The metrics of each label of the whole split.
    fn details(&self, labels: &[String]) -> Details {
        let _ = labels;
        Details::Nothing
    }
}

/// The metrics of a whole split, without the loss.
///
/// # Errors
/// A [`Fault::input`] for predictions of another task or with other labels.
pub fn score(task: Task, predictions: &[Prediction], params: &TaskParams) -> Result<Scores> {
    let threshold = match params.threshold {
        Some(threshold) => Some(threshold),
        None => spec(task).best_threshold(predictions, params)?,
    };
    let params = TaskParams { threshold, ..params.clone() };
    let statistics = spec(task).statistics(predictions, &params)?;
    let all: Vec<usize> = (0..statistics.examples()).collect();
    let (mut metric_values, mut undefined) = (MetricValues::default(), Vec::new());
    for &metric in task.metrics(&params.entity_recognition) {
        if let Some(reason) = statistics.undefined(metric) {
            undefined.push(Undefined { metric, reason });
        } else if let Some(value) = statistics.metric(metric, &all) {
            metric_values.set(metric, value);
        }
    }
    if let Some(threshold) = threshold.filter(|_| task == Task::MultiLabel) {
        metric_values.set(Metric::Threshold, threshold);
    }
    Ok(Scores { metric_values, details: statistics.details(&params.labels), undefined })
}

/// Applies `of` to every prediction; it gives none for a prediction of another task.
///
/// # Errors
/// A [`Fault::input`] that names the first example for which `of` gives none.
pub(crate) fn collect<T>(
    predictions: &[Prediction],
    of: impl Fn(&Prediction) -> Option<T>,
) -> Result<Vec<T>> {
    let one = |prediction: &Prediction| {
        let id = &prediction.example_id;
        of(prediction).ok_or_else(|| {
            Fault::input(format!("the prediction of example {id} is of another task, or has no label")).into()
        })
    };
    predictions.iter().map(one).collect()
}

/// The arithmetic mean of `value` over `rows`; none without rows.
pub(crate) fn mean(rows: &[usize], value: impl Fn(usize) -> f64) -> Option<f64> {
    let sum: f64 = rows.iter().map(|&row| value(row)).sum();
    (!rows.is_empty()).then(|| sum / rows.len() as f64)
}
