//! What a model says of an example, as columns.

use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use serde::Serialize;

use crate::schema::column::{PREDICTED_LABEL, PREDICTED_LABELS, PREDICTED_SCORE, PROBABILITIES};
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
    LabelSet {
        /// In label order.
        labels: Vec<String>,
        /// One a label, in label order, each by itself.
        probabilities: Vec<f32>,
    },
    Score {
        score: f32,
    },
}

/// The variants of [`Decoded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodedKind {
    Class,
    LabelSet,
    Score,
}

impl DecodedKind {
    /// Whether an example has logits as a whole.
    pub(super) fn has_logits(self) -> bool {
        match self {
            DecodedKind::Class | DecodedKind::LabelSet | DecodedKind::Score => true,
        }
    }

    pub(super) fn fields(self) -> Vec<Field> {
        match self {
            DecodedKind::Class => vec![
                Field::new(PREDICTED_LABEL, DataType::Utf8, false),
                list_field(PROBABILITIES, DataType::Float32),
            ],
            DecodedKind::LabelSet => vec![
                list_field(PREDICTED_LABELS, DataType::Utf8),
                list_field(PROBABILITIES, DataType::Float32),
            ],
            DecodedKind::Score => vec![Field::new(PREDICTED_SCORE, DataType::Float32, false)],
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
            DecodedKind::LabelSet => {
                let rows = pick(rows, self, |row| match row {
                    Decoded::LabelSet { labels, probabilities } => Some((labels, probabilities)),
                    _ => None,
                })?;
                let names = StringArray::from_iter_values(rows.iter().flat_map(|(names, _)| names.iter()));
                let names = list(Arc::new(names), rows.iter().map(|(names, _)| names.len()))?;
                Ok(vec![names, floats(rows.iter().map(|(_, values)| values.as_slice()))?])
            }
            DecodedKind::Score => {
                let score =
                    |row: &Decoded| if let Decoded::Score { score } = row { Some(*score) } else { None };
                Ok(vec![Arc::new(Float32Array::from(pick(rows, self, score)?))])
            }
        }
    }

    /// Of every row of `batch`, by the columns that it has.
    pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Decoded>> {
        if batch.column_by_name(PREDICTED_SCORE).is_some() {
            let scores = column::<Float32Array>(batch, PREDICTED_SCORE)?;
            return Ok(scores.values().iter().map(|&score| Decoded::Score { score }).collect());
        }
        if batch.column_by_name(PREDICTED_LABELS).is_some() {
            return read_label_sets(batch);
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

fn read_label_sets(batch: &RecordBatch) -> Result<Vec<Decoded>> {
    let names = list_items::<StringArray>(batch, PREDICTED_LABELS)?;
    let probabilities = list_items::<Float32Array>(batch, PROBABILITIES)?;
    let label_set = |(names, values): (&StringArray, &Float32Array)| Decoded::LabelSet {
        labels: names.iter().flatten().map(str::to_owned).collect(),
        probabilities: values.values().to_vec(),
    };
    Ok(names.iter().zip(&probabilities).map(label_set).collect())
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
