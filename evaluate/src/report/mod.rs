//! `report.html`: a page about an evaluation. It loads no other file and runs no script.
//!
//! It depends only on the predictions and the manifests of the inputs, so the same inputs give the same bytes.

mod calibration;
mod chart;
mod confusion;
mod errors;
mod labels;
mod lengths;
mod metric_table;
mod page;
mod provenance;
mod ranking;
mod ratings;
mod texts;
mod training;

use anyhow::Result;
use metrics::significance::Bootstrap;
use shared::layout::Split;
use shared::schema::{Example, Prediction};
use shared::task::Task;
use shared::training_log::LogEntry;
use tasks::{Scores, TaskParams};

pub(crate) use provenance::Provenance;
use texts::Texts;

/// Resamples of the bootstrap: enough to fix the bounds of an interval to a tenth of its width.
pub(crate) const RESAMPLES: u32 = 1000;

/// The input of a report.
pub(crate) struct ReportInput<'a> {
    /// The name of the run.
    pub(crate) name: &'a str,
    pub(crate) task: Task,
    pub(crate) split: Split,
    /// The seed of the run, for the bootstrap.
    pub(crate) seed: u64,
    pub(crate) params: &'a TaskParams,
    pub(crate) predictions: &'a [Prediction],
    pub(crate) scores: &'a Scores,
    /// The log of `train`.
    pub(crate) training_log: &'a [LogEntry],
    pub(crate) provenance: &'a Provenance<'a>,
}

impl ReportInput<'_> {
    fn bootstrap(&self) -> Bootstrap {
        Bootstrap { resamples: RESAMPLES, seed: self.seed }
    }
}

/// Renders the page. `examples` are those of the predictions, in the same order. Others may stand in between,
/// where a task packs several examples into one row.
///
/// # Errors
/// An input fault where the predictions are not of the task, or a prediction has no example.
pub(crate) fn html(
    input: &ReportInput<'_>,
    examples: impl Iterator<Item = Result<Example>>,
) -> Result<String> {
    let statistics = tasks::spec(input.task).statistics(input.predictions, input.params)?;
    let errors = errors::most_confident(input.predictions, &input.params.labels);
    let texts = Texts::read(examples, input.predictions, &errors)?;
    let sections = [
        Some(metric_table::section(input, statistics.as_ref())),
        training::section(input.training_log, input.provenance.training.best_step),
        labels::section(&input.scores.details),
        confusion::section(&input.scores.details, &input.params.labels),
        ranking::section(input.predictions, &input.params.labels),
        calibration::section(input.predictions),
        ratings::section(input.predictions),
        lengths::section(input, statistics.as_ref(), &texts),
        errors::section(input.predictions, &errors, &texts),
        Some(provenance::section(input)),
    ];
    Ok(page::page(input, sections.into_iter().flatten()).into_string())
}

#[cfg(test)]
mod tests;
