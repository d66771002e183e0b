//! The dev split, by which models are compared.

use std::ops::ControlFlow;

use anyhow::{Context, Result, ensure};
use models::{Dataset, Model};
use shared::console::{Progress, Unit};
use shared::fault::NotFinite;
use shared::layout::{Split, fetched};
use shared::manifest::FinishedFolder;
use shared::metric::{Metric, MetricValues};
use shared::schema::{Example, ExampleReader};
use shared::signals::Saving;
use shared::task::Task;
use tasks::{Scores, TaskParams, evaluate};

/// The examples of dev and their features.
#[derive(Debug)]
pub(crate) struct Dev {
    task: Task,
    params: TaskParams,
    examples: Vec<Example>,
    features: Dataset,
}

impl Dev {
    pub(crate) fn read(
        task: Task,
        params: TaskParams,
        fetched: &FinishedFolder,
        features: Dataset,
    ) -> Result<Dev> {
        let path = fetched::examples(fetched.path(), Split::Dev);
        let mut examples = Vec::new();
        for batch in ExampleReader::open(&path)? {
            examples.extend(batch.with_context(|| format!("reading {}", path.display()))?);
        }
        Ok(Dev { task, params, examples, features })
    }

    pub(crate) fn rows(&self) -> usize {
        self.features.len()
    }

    /// Evaluates `model`, unless a signal comes.
    ///
    /// # Errors
    /// [`NotFinite`] where its outputs are not finite.
    pub(crate) fn evaluate(
        &self,
        model: &Model,
        batch_size: usize,
        saving: &Saving,
    ) -> Result<ControlFlow<(), MetricValues>> {
        let mut progress = Progress::new("dev", self.features.len() as u64, Unit::Items);
        let between = |rows: usize| {
            progress.advance(rows as u64);
            if saving.stop_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let outputs = model.for_inference().all_outputs(&self.features, batch_size, between)?;
        progress.finish();
        let ControlFlow::Continue(outputs) = outputs else { return Ok(ControlFlow::Break(())) };
        let examples = self.examples.iter().cloned().map(Ok);
        let evaluation = evaluate(self.task, &self.params, examples, self.features.rows(), &outputs)?;
        let Scores { metric_values, undefined, .. } = evaluation.scores;
        // A model without a finite loss must not be kept as the best.
        ensure!(metric_values.get(Metric::Loss).is_some_and(f64::is_finite), NotFinite);
        log::info!("dev: {}", metric_values.sentence());
        // No fault: a later step may have a value, and until then the ranking puts such a step last.
        undefined.iter().for_each(|undefined| log::warn!("dev: {undefined}"));
        Ok(ControlFlow::Continue(metric_values))
    }
}
