//! What a model says of an example, as columns.

use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use serde::Serialize;

use super::answers::{self, Candidate};
use super::entities::{self, PredictedEntity};
use crate::schema::column::{N_BEST, PREDICTED_ENTITIES, PREDICTED_LABEL, PROBABILITIES, TEXT};
use crate::schema::lists::{list, list_field, list_items};
use crate::schema::parquet_file::column;

/// The answer of a model, as JSON has it too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Decoded {
    Class {
        #[serde(rename = "label")]
        predicted: String,
        /// One a label, in label order; they sum to 1.
        probabilities: Vec<f32>,
    },
    /// In the order of the text, none over another.
    Entities {
        /// What the places are in. Whoever reads JSON has it.
        #[serde(skip)]
        text: String,
        entities: Vec<PredictedEntity>,
    },
    /// The best first.
    Answers(Vec<Candidate>),
}

impl Decoded {
    pub fn as_answers(&self) -> Option<&[Candidate]> {
        if let Decoded::Answers(candidates) = self { Some(candidates) } else { None }
    }
}

/// The variants of [`Decoded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodedKind {
    Class,
    Entities,
    Answers,
}

impl DecodedKind {
    /// Whether an example has logits as a whole.
    pub(super) fn has_logits(self) -> bool {
        match self {
            DecodedKind::Class => true,
            DecodedKind::Entities => false,
            DecodedKind::Answers => false,
        }
    }

    pub(super) fn fields(self) -> Vec<Field> {
        match self {
            DecodedKind::Class => vec![
                Field::new(PREDICTED_LABEL, DataType::Utf8, false),
                list_field(PROBABILITIES, DataType::Float32),
            ],
            DecodedKind::Entities => vec![Field::new(TEXT, DataType::Utf8, false), entities::field()],
            DecodedKind::Answers => answers::fields(),
        }
    }

    /// # Errors
    /// Where a row is of another kind.
    pub(super) fn columns(self, rows: &[&Decoded]) -> Result<Vec<ArrayRef>> {
        match self {
            DecodedKind::Class => {
                let rows = pick(rows, self, |row| match row {
                    Decoded::Class { predicted, probabilities } => Some((predicted, probabilities)),
                    _ => None,
                })?;
                let names = StringArray::from_iter_values(rows.iter().map(|(name, _)| name));
                Ok(vec![Arc::new(names), floats(rows.iter().map(|(_, values)| values.as_slice()))?])
            }
            DecodedKind::Entities => {
                let rows = pick(rows, self, |row| match row {
                    Decoded::Entities { text, entities } => Some((text, entities.as_slice())),
                    _ => None,
                })?;
                let texts = StringArray::from_iter_values(rows.iter().map(|(text, _)| text));
                let found: Vec<&[PredictedEntity]> = rows.iter().map(|(_, found)| *found).collect();
                Ok(vec![Arc::new(texts), entities::column(&found)?])
            }
            DecodedKind::Answers => answers::columns(&pick(rows, self, Decoded::as_answers)?),
        }
    }

    /// Of every row of `batch`, by the columns that it has.
    pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Decoded>> {
        if batch.column_by_name(PREDICTED_ENTITIES).is_some() {
            let texts = column::<StringArray>(batch, TEXT)?.iter().map(|text| text.unwrap_or_default());
            let rows = texts.zip(entities::read(batch)?);
            return Ok(rows
                .map(|(text, entities)| Decoded::Entities { text: text.into(), entities })
                .collect());
        }
        if batch.column_by_name(N_BEST).is_some() {
            return Ok(answers::read(batch)?.into_iter().map(Decoded::Answers).collect());
        }
        let labels = column::<StringArray>(batch, PREDICTED_LABEL)?;
        let probabilities = list_items::<Float32Array>(batch, PROBABILITIES)?;
        let class = |(row, values): (usize, &Float32Array)| Decoded::Class {
            predicted: labels.value(row).to_owned(),
            probabilities: values.values().to_vec(),
        };
        Ok(probabilities.iter().enumerate().map(class).collect())
    }
}

fn pick<'a, T>(
    rows: &[&'a Decoded],
    kind: DecodedKind,
    of: impl Fn(&'a Decoded) -> Option<T>,
) -> Result<Vec<T>> {
    let picked: Option<Vec<T>> = rows.iter().map(|&row| of(row)).collect();
    match picked {
        Some(picked) => Ok(picked),
        None => bail!("a file of predictions with {kind:?} takes no other"),
    }
}

fn floats<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone) -> Result<ArrayRef> {
    let values = Float32Array::from_iter_values(rows.clone().flatten().copied());
    list(Arc::new(values), rows.map(<[f32]>::len))
}
