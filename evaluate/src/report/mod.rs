//! `report.html`: what there is to see of an evaluation, as one page that loads nothing and runs no script.
//!
//! It is made of the predictions and of what the inputs' manifests say, so the same inputs give the same bytes.

mod calibration;
mod chart;
mod confusion;
mod errors;
mod figures;
mod labels;
mod lengths;
mod page;
mod provenance;
mod ranking;
mod ratings;
mod texts;
mod training;

use anyhow::Result;
use metrics::significance::Bootstrap;
use shared::journal::Entry;
use shared::layout::Split;
use shared::schema::{Example, Prediction};
use shared::task::Task;
use tasks::{Scores, TaskParams};

pub(crate) use provenance::Provenance;
use texts::Texts;

/// Of the bootstrap: enough that the bounds of an interval stay put to a tenth of its width.
pub(crate) const RESAMPLES: u32 = 1000;

/// What a report is about.
pub(crate) struct Subject<'a> {
    /// The run's.
    pub(crate) name: &'a str,
    pub(crate) task: Task,
    pub(crate) split: Split,
    /// Of the bootstrap, the run's.
    pub(crate) seed: u64,
    pub(crate) params: &'a TaskParams,
    pub(crate) predictions: &'a [Prediction],
    pub(crate) scores: &'a Scores,
    /// Train's journal.
    pub(crate) journal: &'a [Entry],
    pub(crate) provenance: &'a Provenance<'a>,
}

impl Subject<'_> {
    fn bootstrap(&self) -> Bootstrap {
        Bootstrap { resamples: RESAMPLES, seed: self.seed }
    }
}

/// The page. `examples` are those of the predictions in their order, with others in between where a task packs several
/// into one row.
///
/// # Errors
/// An input fault where predictions are not of the task, or have no example.
pub(crate) fn html(subject: &Subject<'_>, examples: impl Iterator<Item = Result<Example>>) -> Result<String> {
    let statistics = tasks::spec(subject.task).statistics(subject.predictions, subject.params)?;
    let errors = errors::most_confident(subject.predictions, &subject.params.labels);
    let texts = Texts::read(examples, subject.predictions, &errors)?;
    let sections = [
        Some(figures::section(subject, statistics.as_ref())),
        training::section(subject.journal, subject.provenance.training.best_step),
        labels::section(&subject.scores.details),
        confusion::section(&subject.scores.details, &subject.params.labels),
        ranking::section(subject.predictions, &subject.params.labels),
        calibration::section(subject.predictions),
        ratings::section(subject.predictions),
        lengths::section(subject, statistics.as_ref(), &texts),
        errors::section(subject.predictions, &errors, &texts),
        Some(provenance::section(subject)),
    ];
    Ok(page::page(subject, sections.into_iter().flatten()).into_string())
}

#[cfg(test)]
mod tests;
