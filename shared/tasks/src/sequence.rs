//! Encoding and decoding of whole texts, for tasks with one output per text.

use anyhow::{Context, Result};
use metrics::{argmax, softmax};
use shared::schema::{Decoded, Example, Targets, Truth};
use shared::tokens::Tokenizer;

use super::{Encoded, TaskParams, Window};

/// Encodes one text or two as one row, truncated to the maximum length.
pub(super) fn encode(
    example: &Example,
    targets: Targets,
    tokenizer: &mut dyn Tokenizer,
) -> Result<Vec<Encoded>> {
    let tokens = match &example.text_pair {
        Some(second) => tokenizer.encode_pair(&example.text, second)?,
        None => tokenizer.encode(&example.text)?,
    };
    let unknown = tokenizer.unknown_token_id();
    Ok(vec![Encoded::new(&example.example_id, &tokens, unknown, targets, Vec::new())?])
}

/// The target: the label id.
pub(super) fn class_of(example: &Example, params: &TaskParams) -> Result<Targets> {
    match &example.truth {
        Truth::Unknown => Ok(Targets::Unknown),
        truth => {
            let label = truth.as_label().context("it has no label")?;
            Ok(Targets::Class(params.known_id(label)?.try_into()?))
        }
    }
}

/// The logits of the only row of an example.
pub(super) fn logits<'a>(windows: &[Window<'a>]) -> Result<&'a [f32]> {
    Ok(windows.first().context("an example without features")?.output.logits())
}

/// The most probable label, with the probabilities of all: `[labels]`.
pub(super) fn decode_class(windows: &[Window<'_>], params: &TaskParams) -> Result<Decoded> {
    let probabilities = softmax(logits(windows)?);
    let predicted = params.labels.get(argmax(&probabilities)).context("the model has other labels")?;
    Ok(Decoded::Class { predicted: predicted.clone(), probabilities })
}
