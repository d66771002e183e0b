//! What the report needs of the examples: how long all texts are, and those of a few.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use shared::fault::Fault;
use shared::schema::{Example, Prediction};

use super::errors::ModelError;

#[derive(Debug, Default)]
pub(super) struct Texts {
    /// One a prediction.
    pub(super) lengths: Vec<Lengths>,
    /// By the prediction's number.
    shown: BTreeMap<usize, Example>,
}

/// In characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) text: usize,
    /// 0 where there is one text.
    pub(super) text_pair: usize,
}

impl Texts {
    /// In one pass over the examples, of which only those of `errors` stay in memory.
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
                    "the predictions have an example {example_id}, which the examples have not"
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
