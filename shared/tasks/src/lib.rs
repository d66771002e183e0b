//! The tasks. Each file holds the encoding, the decoding and the scoring of one task.

#![warn(missing_docs)]

mod classification;
mod constant;
mod encoded;
mod entity_recognition;
mod evaluation;
#[cfg(test)]
mod fixture;
mod losses;
mod masked_lm;
mod multi_label;
mod packing;
mod params;
mod question_answering;
mod regression;
mod scores;
mod sequence;
mod statistics;
mod windows;

use std::fmt::Debug;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use shared::fault::Fault;
use shared::model_output::Output;
use shared::schema::{Decoded, Example, Features, Prediction};
use shared::task::Task;
use shared::tokens::Tokenizer;

pub use constant::constant_target;
pub use encoded::{Alignment, Encoded};
pub use entity_recognition::TokenReading;
pub use evaluation::{Evaluation, evaluate, prediction};
pub use losses::Loss;
pub use masked_lm::MaskedStatistics;
pub use params::TaskParams;
pub use question_answering::answer_score;
pub use regression::rating;
pub use scores::{Details, Scores, Undefined, Window};
pub use statistics::{Statistics, score};

/// A task: it encodes examples as rows of features, decodes the [`Output`] of every row to a prediction, and scores predictions.
pub trait TaskSpec: Debug + Sync {
    /// The names of the model's outputs, in the order of their ids.
    fn outputs(&self, params: &TaskParams) -> Vec<String> {
        params.labels.clone()
    }

    /// A note on the training for programs that decode the model's outputs: a key of config.json that `transformers` ignores,
    /// and its value.
    fn note(&self, params: &TaskParams) -> Option<(&'static str, Value)> {
        let _ = params;
        None
    }

    /// Encodes an example as rows of features: one row, or one row per window of a long text that must not be truncated.
    ///
    /// # Errors
    /// A [`Fault::input`] or a [`Fault::usage`] for an example that cannot be encoded with these parameters.
    fn encode(
        &self,
        example: &Example,
        params: &TaskParams,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>>;

    /// Packs the rows of neighbouring examples into longer rows, if the task allows it.
    fn pack(&self, rows: Vec<Encoded>, tokenizer: &dyn Tokenizer) -> Vec<Encoded> {
        let _ = tokenizer;
        rows
    }

    /// The loss of a row, as in training but without label smoothing and class weights.
    fn loss(&self, row: &Features, output: &Output) -> Loss;

    /// Decodes the outputs of an example's rows to one prediction.
    ///
    /// # Errors
    /// An error for outputs that do not fit the rows or the labels.
    fn decode(&self, example: &Example, windows: &[Window<'_>], params: &TaskParams) -> Result<Decoded>;

    /// The best threshold for a split; none for a task without a threshold.
    ///
    /// # Errors
    /// A [`Fault::input`] for predictions of another task.
    fn best_threshold(&self, predictions: &[Prediction], params: &TaskParams) -> Result<Option<f64>> {
        let _ = (predictions, params);
        Ok(None)
    }

    /// The per-example statistics of `predictions`, from which all metrics follow.
    ///
    /// # Errors
    /// A [`Fault::input`] for predictions of another task or with other labels.
    fn statistics(&self, predictions: &[Prediction], params: &TaskParams) -> Result<Box<dyn Statistics>>;
}

/// The implementation of `task`.
pub fn spec(task: Task) -> &'static dyn TaskSpec {
    match task {
        Task::Classification | Task::PairClassification => &classification::Classification,
        Task::Regression | Task::PairRegression => &regression::Regression,
        Task::MultiLabel => &multi_label::MultiLabel,
        Task::EntityRecognition => &entity_recognition::EntityRecognition,
        Task::QuestionAnswering => &question_answering::QuestionAnswering,
        Task::MaskedLm => &masked_lm::MaskedLm,
    }
}

/// Encodes `example` for `task`: one row, several rows for a text that is longer than the model takes, or no row for an empty
/// text.
///
/// # Errors
/// A [`Fault::input`] that names the example, if it cannot be encoded or a row has no tokens.
pub fn encode(
    task: Task,
    example: &Example,
    params: &TaskParams,
    tokenizer: &mut dyn Tokenizer,
) -> Result<Vec<Encoded>> {
    let id = &example.example_id;
    let rows = spec(task).encode(example, params, tokenizer).with_context(|| format!("example {id}"))?;
    let empty = || {
        Fault::input(format!(
            "example {id} has no tokens: its text gives none, and the tokenizer adds no special tokens; leave it out"
        ))
    };
    ensure!(rows.iter().all(|row| !row.features.input_ids.is_empty()), empty());
    Ok(rows)
}
