//! What must hold of every row, and across all files of a corpus.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, anyhow, ensure};
use rows::Row;
use shared::fault::Fault;
use shared::layout::Split;
use shared::schema::{Entity, Example, ExampleShape, Texts, Truth, TruthKind};

use super::answers::{self, Found};
use super::duplicates::Duplicates;
use super::labels::Labels;
use crate::corpus::Corpus;

pub(super) struct Checks {
    shape: ExampleShape,
    labels: Labels,
    /// By what [`id_scope`] says of a split.
    ids: BTreeMap<Split, HashSet<String>>,
    moved_answers: u64,
    duplicates: Duplicates,
}

/// Dev may be a part of train, so their ids must differ; those of a test file are often counted from 1 again.
fn id_scope(split: Split) -> Split {
    match split {
        Split::Train | Split::Dev => Split::Train,
        Split::Test => Split::Test,
    }
}

impl Checks {
    pub(super) fn new(corpus: &dyn Corpus, shape: ExampleShape) -> Checks {
        let labels = Labels::of(corpus, shape.truth);
        Checks { shape, labels, ids: BTreeMap::new(), moved_answers: 0, duplicates: Duplicates::new() }
    }

    pub(super) fn shape(&self) -> ExampleShape {
        self.shape
    }

    /// The row as an example of the task: `number` counts those of `split`, and the file is called `shown`.
    pub(super) fn example(&mut self, row: Row, number: u64, split: Split, shown: &str) -> Result<Example> {
        let place = row.place;
        let example_id = row.id.unwrap_or_else(|| format!("{split}-{number}"));
        let twice = || {
            let todo = "make the ids differ, or leave out `fetch.files.columns.id` to number the rows";
            Fault::input(format!("{shown}, {place}: the id `{example_id}` stands twice; {todo}"))
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

    fn truth(&mut self, example: &mut Example) -> Result<()> {
        match &mut example.truth {
            Truth::Unknown | Truth::Score(_) => Ok(()),
            Truth::Label(label) => self.labels.settle(label),
            Truth::Labels(labels) => {
                labels.iter_mut().try_for_each(|label| self.labels.settle(label))?;
                let mut seen = HashSet::new();
                labels.retain(|label| seen.insert(label.clone()));
                Ok(())
            }
            Truth::Entities(entities) => {
                put_in_order(entities, &example.text)?;
                entities.iter_mut().try_for_each(|entity| self.labels.settle(&mut entity.label))
            }
            Truth::Answers(answers) => {
                let context = example.text_pair.as_deref().unwrap_or_default();
                for answer in answers {
                    let found = answers::settle(answer, context)?;
                    self.moved_answers += u64::from(found == Found::Moved);
                }
                Ok(())
            }
        }
    }

    /// Takes note of an example that is written to `split`.
    pub(super) fn written(&mut self, split: Split, example: &Example) {
        self.duplicates.add(split, example);
        if split == Split::Train {
            self.labels.learn(&example.truth);
        }
    }

    /// Says of the files `shown` which labels are written otherwise, and how many answers were not at their places.
    pub(super) fn report_files(&mut self, shown: &str) {
        self.labels.respelled().iter().for_each(|sentence| log::warn!("{shown}: {sentence}"));
        let moved = std::mem::take(&mut self.moved_answers);
        if moved > 0 {
            log::warn!("{shown}: {moved} answers stood some characters off their places, and were moved");
        }
    }

    pub(super) fn close_labels(&mut self, shown: &str) -> Result<()> {
        self.labels.close(shown)?;
        self.labels.doubts().iter().for_each(|doubt| log::warn!("{shown}: {doubt}"));
        Ok(())
    }

    /// The labels; says of all splits together, of which `rows` were written, what is worth knowing.
    pub(super) fn finish(self, rows: &BTreeMap<Split, u64>) -> Vec<String> {
        let duplicates = self.duplicates.report(rows);
        self.labels.not_learnt().into_iter().chain(duplicates).for_each(|sentence| log::warn!("{sentence}"));
        self.labels.into_list()
    }
}

/// # Errors
/// An input fault where an entity is empty, ends behind the text or lies over another.
fn put_in_order(entities: &mut [Entity], text: &str) -> Result<()> {
    entities.sort_by_key(|entity| entity.start);
    let length = u32::try_from(text.chars().count()).context("the text is too long")?;
    let mut free = 0;
    for Entity { start, end, label } in entities {
        let named = format!("the entity `{label}` from character {start} to {end}");
        let part = start < end && *end <= length;
        ensure!(part, Fault::input(format!("{named} is no part of a text of {length} characters")));
        ensure!(*start >= free, Fault::input(format!("{named} lies over another")));
        free = *end;
    }
    Ok(())
}
