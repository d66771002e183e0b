//! The evaluation of a split: model outputs become predictions and metrics.

use anyhow::{Context, Result, ensure};
use shared::fault::Fault;
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Decoded, Example, Features, Prediction};
use shared::task::{OutputLayer, Task};

use super::{Loss, Scores, TaskParams, Window};
use crate::{score, spec};

/// The predictions of a split, and their metrics.
#[derive(Debug)]
pub struct Evaluation {
    /// One prediction per example, in the order of the examples.
    pub predictions: Vec<Prediction>,
    /// The metrics, with the loss.
    pub scores: Scores,
}

/// Evaluates the outputs of a model. `rows` are the features of `examples`, or of the first of them, in their order;
/// `outputs` has one item per row.
///
/// # Errors
/// A [`Fault::input`] for rows that do not belong to the examples.
pub fn evaluate(
    task: Task,
    params: &TaskParams,
    examples: impl Iterator<Item = Result<Example>>,
    rows: &[Features],
    outputs: &[Output],
) -> Result<Evaluation> {
    let mut examples = examples;
    let windows = Window::all(rows, outputs);
    let mut predictions = Vec::new();
    for windows in windows.chunk_by(|a, b| a.features.example_id == b.features.example_id) {
        let id = windows.first().map_or("", |window| window.features.example_id.as_str());
        let example = find(&mut examples, id)?;
        let decode = |example: &Example| spec(task).decode(example, windows, params);
        predictions.push(prediction(task, example, windows, decode)?);
    }
    ensure!(!predictions.is_empty(), Fault::input("there are no examples"));
    let loss: Loss = rows.iter().zip(outputs).map(|(row, output)| spec(task).loss(row, output)).sum();
    let mut scores = score(task, &predictions, params)?;
    scores.metric_values.set(Metric::Loss, loss.mean());
    Ok(Evaluation { predictions, scores })
}

/// The prediction for `example`, with the result of `decode`.
///
/// # Errors
/// The errors of `decode`, with the example's id.
pub fn prediction(
    task: Task,
    example: Example,
    windows: &[Window<'_>],
    decode: impl FnOnce(&Example) -> Result<Decoded>,
) -> Result<Prediction> {
    let decoded = decode(&example).with_context(|| format!("example {}", example.example_id))?;
    let logits = logits_of_text(task, windows);
    Ok(Prediction { example_id: example.example_id, truth: example.truth, decoded, logits })
}

/// The logits of a whole text, `[labels]`; empty for a model with outputs per token.
fn logits_of_text(task: Task, windows: &[Window<'_>]) -> Vec<f32> {
    match (task.output_layer(), windows.first()) {
        (OutputLayer::Sequence, Some(window)) => window.output.logits().to_vec(),
        _ => Vec::new(),
    }
}

/// Advances to the example `id`. Examples without a row of their own are skipped: they were packed into an earlier row.
fn find(examples: &mut impl Iterator<Item = Result<Example>>, id: &str) -> Result<Example> {
    for example in examples {
        let example = example?;
        if example.example_id == id {
            return Ok(example);
        }
    }
    Err(Fault::input(format!("the features hold the example {id}, which is not among the examples")).into())
}
