//! From the outputs of a split's rows to predictions and metrics.

use anyhow::{Context, Result, ensure};

use super::{Decoded, Definition, Loss, Output, OutputLayer, Prediction, Scores, Setting, Window};
use crate::fault::Fault;
use crate::figures::Metric;
use crate::schema::{Example, Features};

/// What the model said of a split, and how good that is.
#[derive(Debug)]
pub struct Judgement {
    /// One an example, in their order.
    pub predictions: Vec<Prediction>,
    /// With the loss.
    pub scores: Scores,
}

/// `rows` are the features of the first of `examples`, or of all, in their order, with an output each.
///
/// # Errors
/// A [`Fault::input`] where rows are not of these examples.
pub fn judge(
    definition: &dyn Definition,
    setting: &Setting,
    examples: impl Iterator<Item = Result<Example>>,
    rows: &[Features],
    outputs: &[Output],
) -> Result<Judgement> {
    let mut examples = examples;
    let windows = Window::all(rows, outputs);
    let mut predictions = Vec::new();
    for windows in windows.chunk_by(|a, b| a.features.example_id == b.features.example_id) {
        let id = windows.first().map_or("", |window| window.features.example_id.as_str());
        let example = find(&mut examples, id)?;
        let decode = |example: &Example| definition.decode(example, windows, setting);
        predictions.push(prediction(definition, example, windows, decode)?);
    }
    ensure!(!predictions.is_empty(), Fault::input("there are no examples"));
    let loss: Loss = rows.iter().zip(outputs).map(|(row, output)| definition.loss(row, output)).sum();
    let mut scores = definition.score(&predictions, setting)?;
    scores.figures.set(Metric::Loss, loss.mean());
    Ok(Judgement { predictions, scores })
}

/// What `decode` finds that the outputs of its rows, `windows`, say of `example`.
///
/// # Errors
/// Those of `decode`, with the example's id.
pub fn prediction(
    definition: &dyn Definition,
    example: Example,
    windows: &[Window<'_>],
    decode: impl FnOnce(&Example) -> Result<Decoded>,
) -> Result<Prediction> {
    let decoded = decode(&example).with_context(|| format!("example {}", example.example_id))?;
    let logits = logits_of_text(definition, windows);
    Ok(Prediction { example_id: example.example_id, truth: example.truth, decoded, logits })
}

/// None, where the model has an output for every token.
fn logits_of_text(definition: &dyn Definition, windows: &[Window<'_>]) -> Vec<f32> {
    match (definition.output_layer(), windows.first()) {
        (OutputLayer::Sequence, Some(window)) => window.output.logits().to_vec(),
        _ => Vec::new(),
    }
}

/// The next example that is `id`; one that was packed into the row of another has no row of its own.
fn find(examples: &mut impl Iterator<Item = Result<Example>>, id: &str) -> Result<Example> {
    for example in examples {
        let example = example?;
        if example.example_id == id {
            return Ok(example);
        }
    }
    Err(Fault::input(format!("the features have an example {id}, which the examples have not")).into())
}
