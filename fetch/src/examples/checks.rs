//! The checks of every row, and of all files of a corpus together.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, anyhow, ensure};
use rows::Row;
use shared::fault::Fault;
use shared::layout::Split;
use shared::schema::{Entity, Example, ExampleShape, Texts, Truth, TruthKind};

use super::answers::{self, Offset};
use super::duplicates::Duplicates;
use super::labels::Labels;
use crate::corpus::Corpus;

/// The state of the checks over all rows so far.
pub(super) struct Checks {
    shape: ExampleShape,
    labels: Labels,
    /// The ids so far, by the [`id_scope`] of their split.
    ids: BTreeMap<Split, HashSet<String>>,
    /// The number of answers with corrected offsets in the current files.
    corrected_answers: u64,
    duplicates: Duplicates,
}

/// The scope in which the ids of a split must be unique. Dev may be a part of train, so both share a scope; test files often
/// number their rows from 1 again.
fn id_scope(split: Split) -> Split {
    match split {
        Split::Train | Split::Dev => Split::Train,
        Split::Test => Split::Test,
    }
}

impl Checks {
    pub(super) fn new(corpus: &Corpus, shape: ExampleShape) -> Checks {
        let labels = Labels::of(corpus, shape.truth);
        Checks { shape, labels, ids: BTreeMap::new(), corrected_answers: 0, duplicates: Duplicates::new() }
    }

    pub(super) fn shape(&self) -> ExampleShape {
        self.shape
    }

    /// Converts a row to an example. `number` is the row's number in `split`, and `shown` names the file in messages.
    ///
    /// # Errors
    /// An input fault that names the file and the line where the id or the truth is invalid.
    pub(super) fn example(&mut self, row: Row, number: u64, split: Split, shown: &str) -> Result<Example> {
        let place = row.place;
        let example_id = row.id.unwrap_or_else(|| format!("{split}-{number}"));
        let twice = || {
            let todo = "make the ids differ, or leave out `fetch.files.columns.id` to number the rows";
            Fault::input(format!("{shown}, {place}: the id `{example_id}` occurs twice; {todo}"))
        };
        ensure!(self.ids.entry(id_scope(split)).or_default().insert(example_id.clone()), twice());
        let mut example = Example { example_id, text: row.text, text_pair: row.text_pair, truth: row.truth };
        if self.shape.texts == Texts::One {
            example.text_pair = None;
        }
        if self.shape.truth == TruthKind::Nothing {
            example.truth = Truth::Unknown;
        }
        self.truth(&mut example).map_err(|error| {
            let id = &example.example_id;
            anyhow!(Fault::input(format!("{shown}, {place} (id `{id}`): {error:#}")))
        })?;
        Ok(example)
    }

    /// Checks the truth, and gives labels their names and answers their exact offsets.
    fn truth(&mut self, example: &mut Example) -> Result<()> {
        match &mut example.truth {
            Truth::Unknown | Truth::Score(_) => Ok(()),
            Truth::Label(label) => self.labels.normalize(label),
            Truth::Labels(labels) => {
                labels.iter_mut().try_for_each(|label| self.labels.normalize(label))?;
                let mut seen = HashSet::new();
                labels.retain(|label| seen.insert(label.clone()));
                Ok(())
            }
            Truth::Entities(entities) => {
                sort_entities(entities, &example.text)?;
                entities.iter_mut().try_for_each(|entity| self.labels.normalize(&mut entity.label))
            }
            Truth::Answers(answers) => {
                let context = example.text_pair.as_deref().unwrap_or_default();
                for answer in answers {
                    let offset = answers::correct_offset(answer, context)?;
                    self.corrected_answers += u64::from(offset == Offset::Corrected);
                }
                Ok(())
            }
        }
    }

    /// Counts an example that is written to `split`.
    pub(super) fn add_written(&mut self, split: Split, example: &Example) {
        self.duplicates.add(split, example);
        if split == Split::Train {
            self.labels.add_trained(&example.truth);
        }
    }

    /// Logs a warning about labels in other spellings and about corrected answers in the files `shown`.
    pub(super) fn report_files(&mut self, shown: &str) {
        self.labels.respelled().iter().for_each(|sentence| log::warn!("{shown}: {sentence}"));
        let corrected = std::mem::take(&mut self.corrected_answers);
        if corrected > 0 {
            log::warn!("{shown}: {corrected} answers had a wrong `answer_start`, which was corrected");
        }
    }

    /// Fixes the list of labels after train, and logs warnings about it.
    pub(super) fn close_labels(&mut self, shown: &str) -> Result<()> {
        self.labels.close(shown)?;
        self.labels.warnings().iter().for_each(|warning| log::warn!("{shown}: {warning}"));
        Ok(())
    }

    /// Logs warnings about all splits together, and returns the labels. `rows` are the numbers of written rows.
    pub(super) fn finish(self, rows: &BTreeMap<Split, u64>) -> Vec<String> {
        let duplicates = self.duplicates.report(rows);
        self.labels.untrained().into_iter().chain(duplicates).for_each(|sentence| log::warn!("{sentence}"));
        self.labels.into_list()
    }
}

/// Sorts entities by their start and checks them.
///
/// # Errors
/// An input fault where an entity is empty, ends after the text or overlaps another.
fn sort_entities(entities: &mut [Entity], text: &str) -> Result<()> {
    entities.sort_by_key(|entity| entity.start);
    let length = u32::try_from(text.chars().count()).context("the text is too long")?;
    let mut free = 0;
    for Entity { start, end, label } in entities {
        let named = format!("the entity `{label}` from character {start} to {end}");
        let within = start < end && *end <= length;
        ensure!(within, Fault::input(format!("{named} is no part of a text of {length} characters")));
        ensure!(*start >= free, Fault::input(format!("{named} overlaps another")));
        free = *end;
    }
    Ok(())
}
