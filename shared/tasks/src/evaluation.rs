//! The evaluation of a split: model outputs become predictions and metrics.

use anyhow::{Context, Result, ensure};

use super::{Loss, Scores, TaskParams, Window};
use shared::model_output::Output;
use shared::schema::{Decoded, Prediction};
use shared::task::{OutputLayer, Task};

use crate::{score, spec};
use shared::fault::Fault;
use shared::metric::Metric;
use shared::schema::{Example, Features};

/// The predictions for a split, and their metrics.
#[derive(Debug)]
pub struct Evaluation {
    /// One an example, in their order.
    pub predictions: Vec<Prediction>,
    /// With the loss.
    pub scores: Scores,
}

/// Evaluates the outputs of `rows`: the features of the first of `examples`, or of all, in their order.
///
/// # Errors
/// A [`Fault::input`] where rows do not belong to these examples.
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

/// The prediction for `example`, which `decode` makes of its rows.
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

/// The logits of a whole text; empty where the model has an output for every token.
fn logits_of_text(task: Task, windows: &[Window<'_>]) -> Vec<f32> {
    match (task.output_layer(), windows.first()) {
        (OutputLayer::Sequence, Some(window)) => window.output.logits().to_vec(),
        _ => Vec::new(),
    }
}

/// Finds the next example `id`. An example that was packed into another's row has no row of its own.
fn find(examples: &mut impl Iterator<Item = Result<Example>>, id: &str) -> Result<Example> {
    for example in examples {
        let example = example?;
        if example.example_id == id {
            return Ok(example);
        }
    }
    Err(Fault::input(format!("the features have an example {id}, which the examples have not")).into())
}
