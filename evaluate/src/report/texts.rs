//! The lengths of all texts, and the texts of the errors.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use shared::fault::Fault;
use shared::schema::{Example, Prediction};

use super::errors::ModelError;

/// The lengths of all texts, and the examples of the errors.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// One item for each prediction.
    pub(super) lengths: Vec<Lengths>,
    /// The examples of errors, by the index of their prediction.
    shown: BTreeMap<usize, Example>,
}

/// The length of each text, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) text: usize,
    /// 0 for an example with one text.
    pub(super) text_pair: usize,
}

impl Texts {
    /// Reads the examples in one pass and keeps only those of `errors`.
    ///
    /// # Errors
    /// An input fault where a prediction has no example.
    pub(super) fn read(
        examples: impl Iterator<Item = Result<Example>>,
        predictions: &[Prediction],
        errors: &[ModelError],
    ) -> Result<Texts> {
        let wanted: BTreeSet<usize> = errors.iter().map(|error| error.row).collect();
        let mut texts = Texts::default();
        let mut examples = examples;
        for (row, Prediction { example_id, .. }) in predictions.iter().enumerate() {
            let found =
                examples.find(|example| example.as_ref().map_or(true, |it| it.example_id == *example_id));
            let lost = || {
                Fault::input(format!(
                    "the example {example_id} has a prediction, but is not among the examples"
                ))
            };
            let example = found.with_context(lost)??;
            let length = |text: &str| text.chars().count();
            let text_pair = example.text_pair.as_deref().map_or(0, length);
            texts.lengths.push(Lengths { text: length(&example.text), text_pair });
            if wanted.contains(&row) {
                texts.shown.insert(row, example);
            }
        }
        Ok(texts)
    }

    pub(super) fn example(&self, row: usize) -> Option<&Example> {
        self.shown.get(&row)
    }
}
