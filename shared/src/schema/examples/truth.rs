//! The ground truth of an example, as a column.

use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray, StructArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields};
use serde::{Deserialize, Serialize};

use crate::schema::column::{ANSWER_START, ANSWERS, END, ENTITIES, LABEL, LABELS, SCORE, START, TEXT};
use crate::schema::lists::{field, list, list_field, list_items};
use crate::schema::parquet_file::column;

/// The ground truth of an example.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// Unknown: the example has no label.
    Unknown,
    /// The one label, by name.
    Label(String),
    /// Any number of labels, by name.
    Labels(Vec<String>),
    /// A score.
    Score(f64),
    /// The entities in the order of the text, without overlaps.
    Entities(Vec<Entity>),
    /// The true answers. Each of them is correct; an empty list means that the context has no answer.
    Answers(Vec<Answer>),
}

/// A named entity in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// The first character.
    pub start: u32,
    /// The character after the last.
    pub end: u32,
    /// The class of the entity.
    pub label: String,
}

/// An answer in its context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// In characters of the context.
    pub start: u32,
    /// The text of the answer.
    pub text: String,
}

/// The variants of [`Truth`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruthKind {
    /// No ground truth.
    Nothing,
    /// One label.
    Label,
    /// Any number of labels.
    Labels,
    /// A score.
    Score,
    /// Entities of a text.
    Entities,
    /// Answers to a question.
    Answers,
}

impl TruthKind {
    const COLUMNS: [(TruthKind, &'static str); 5] = [
        (TruthKind::Label, LABEL),
        (TruthKind::Labels, LABELS),
        (TruthKind::Score, SCORE),
        (TruthKind::Entities, ENTITIES),
        (TruthKind::Answers, ANSWERS),
    ];

    /// By the columns that `batch` has.
    pub(in crate::schema) fn of(batch: &RecordBatch) -> TruthKind {
        let mut columns = TruthKind::COLUMNS.into_iter();
        let found = columns.find(|(_, name)| batch.column_by_name(name).is_some());
        found.map_or(TruthKind::Nothing, |(kind, _)| kind)
    }

    pub(in crate::schema) fn field(self) -> Option<Field> {
        Some(match self {
            TruthKind::Nothing => return None,
            TruthKind::Label => Field::new(LABEL, DataType::Utf8, false),
            TruthKind::Labels => list_field(LABELS, DataType::Utf8),
            TruthKind::Score => Field::new(SCORE, DataType::Float64, false),
            TruthKind::Entities => list_field(ENTITIES, DataType::Struct(entity_fields())),
            TruthKind::Answers => list_field(ANSWERS, DataType::Struct(answer_fields())),
        })
    }

    /// # Errors
    /// An error where a truth is of another kind.
    pub(in crate::schema) fn column(self, truths: &[&Truth]) -> Result<Option<ArrayRef>> {
        Ok(Some(match self {
            TruthKind::Nothing => return Ok(None),
            TruthKind::Label => Arc::new(StringArray::from_iter_values(pick(truths, self, Truth::as_label)?)),
            TruthKind::Score => Arc::new(Float64Array::from(pick(truths, self, Truth::as_score)?)),
            TruthKind::Labels => {
                let rows = pick(truths, self, Truth::as_labels)?;
                let names = StringArray::from_iter_values(rows.iter().flat_map(|row| row.iter()));
                list(Arc::new(names), rows.iter().map(|row| row.len()))?
            }
            TruthKind::Entities => {
                let rows = pick(truths, self, Truth::as_entities)?;
                list(entities(rows.iter().flat_map(|row| row.iter()))?, rows.iter().map(|row| row.len()))?
            }
            TruthKind::Answers => {
                let rows = pick(truths, self, Truth::as_answers)?;
                list(answers(rows.iter().flat_map(|row| row.iter()))?, rows.iter().map(|row| row.len()))?
            }
        }))
    }

    /// Reads the truth of every row of `batch`.
    pub(in crate::schema) fn read(self, batch: &RecordBatch) -> Result<Vec<Truth>> {
        Ok(match self {
            TruthKind::Nothing => vec![Truth::Unknown; batch.num_rows()],
            TruthKind::Label => {
                let labels = column::<StringArray>(batch, LABEL)?;
                (0..labels.len()).map(|row| Truth::Label(labels.value(row).to_owned())).collect()
            }
            TruthKind::Score => column::<Float64Array>(batch, SCORE)?
                .values()
                .iter()
                .map(|&score| Truth::Score(score))
                .collect(),
            TruthKind::Labels => {
                let rows = list_items::<StringArray>(batch, LABELS)?;
                rows.iter().map(|row| Truth::Labels(strings(row))).collect()
            }
            TruthKind::Entities => {
                let rows = list_items::<StructArray>(batch, ENTITIES)?;
                rows.iter().map(|row| Ok(Truth::Entities(read_entities(row)?))).collect::<Result<_>>()?
            }
            TruthKind::Answers => {
                let rows = list_items::<StructArray>(batch, ANSWERS)?;
                rows.iter().map(|row| Ok(Truth::Answers(read_answers(row)?))).collect::<Result<_>>()?
            }
        })
    }
}

impl Truth {
    /// The label; none for another kind.
    pub fn as_label(&self) -> Option<&String> {
        if let Truth::Label(label) = self { Some(label) } else { None }
    }

    /// The score; none for another kind.
    pub fn as_score(&self) -> Option<f64> {
        if let Truth::Score(score) = self { Some(*score) } else { None }
    }

    /// The labels; none for another kind.
    pub fn as_labels(&self) -> Option<&[String]> {
        if let Truth::Labels(labels) = self { Some(labels) } else { None }
    }

    /// The entities; none for another kind.
    pub fn as_entities(&self) -> Option<&[Entity]> {
        if let Truth::Entities(entities) = self { Some(entities) } else { None }
    }

    /// The answers; none for another kind.
    pub fn as_answers(&self) -> Option<&[Answer]> {
        if let Truth::Answers(answers) = self { Some(answers) } else { None }
    }
}

fn pick<'a, T>(truths: &[&'a Truth], kind: TruthKind, of: impl Fn(&'a Truth) -> Option<T>) -> Result<Vec<T>> {
    let picked: Option<Vec<T>> = truths.iter().map(|&truth| of(truth)).collect();
    match picked {
        Some(picked) => Ok(picked),
        None => bail!("a file of examples with {kind:?} takes no other truth"),
    }
}

fn entity_fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    vec![number(START), number(END), Field::new(LABEL, DataType::Utf8, false)].into()
}

fn entities<'a>(all: impl Iterator<Item = &'a Entity> + Clone) -> Result<ArrayRef> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|entity| entity.start))),
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|entity| entity.end))),
        Arc::new(StringArray::from_iter_values(all.map(|entity| &entity.label))),
    ];
    Ok(Arc::new(StructArray::try_new(entity_fields(), columns, None)?))
}

fn read_entities(rows: &StructArray) -> Result<Vec<Entity>> {
    let (starts, ends) = (field::<UInt32Array>(rows, START)?, field::<UInt32Array>(rows, END)?);
    let labels = field::<StringArray>(rows, LABEL)?;
    let entity =
        |row| Entity { start: starts.value(row), end: ends.value(row), label: labels.value(row).to_owned() };
    Ok((0..rows.len()).map(entity).collect())
}

/// As SQuAD's `answers` in Hugging Face `datasets`, an answer a row.
fn answer_fields() -> Fields {
    vec![Field::new(TEXT, DataType::Utf8, false), Field::new(ANSWER_START, DataType::UInt32, false)].into()
}

fn answers<'a>(all: impl Iterator<Item = &'a Answer> + Clone) -> Result<ArrayRef> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(all.clone().map(|answer| &answer.text))),
        Arc::new(UInt32Array::from_iter_values(all.map(|answer| answer.start))),
    ];
    Ok(Arc::new(StructArray::try_new(answer_fields(), columns, None)?))
}

fn read_answers(rows: &StructArray) -> Result<Vec<Answer>> {
    let (texts, starts) = (field::<StringArray>(rows, TEXT)?, field::<UInt32Array>(rows, ANSWER_START)?);
    let answer = |row| Answer { start: starts.value(row), text: texts.value(row).to_owned() };
    Ok((0..rows.len()).map(answer).collect())
}

fn strings(values: &StringArray) -> Vec<String> {
    (0..values.len()).map(|row| values.value(row).to_owned()).collect()
}
