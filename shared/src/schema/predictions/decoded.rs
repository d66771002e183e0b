//! What a model says of an example, as columns.

use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{Array, ArrayRef, Float32Array, RecordBatch, StringArray, StructArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields};
use serde::Serialize;

use crate::schema::column::{
    END, N_BEST, PREDICTED_LABEL, PREDICTION_TEXT, PROBABILITIES, PROBABILITY, START, TEXT,
};
use crate::schema::lists::{field, list, list_field, list_items};
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
    /// The best first.
    Answers(Vec<Candidate>),
}

/// An answer that may be the right one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Empty: the context has no answer.
    pub text: String,
    /// In characters of the context, as `end`, which is behind the last.
    pub start: u32,
    pub end: u32,
    /// Those of an example sum to 1.
    pub probability: f32,
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
    Answers,
}

impl DecodedKind {
    /// Whether an example has logits as a whole.
    pub(super) fn has_logits(self) -> bool {
        match self {
            DecodedKind::Class => true,
            DecodedKind::Answers => false,
        }
    }

    pub(super) fn fields(self) -> Vec<Field> {
        match self {
            DecodedKind::Class => vec![
                Field::new(PREDICTED_LABEL, DataType::Utf8, false),
                list_field(PROBABILITIES, DataType::Float32),
            ],
            DecodedKind::Answers => vec![
                Field::new(PREDICTION_TEXT, DataType::Utf8, false),
                list_field(N_BEST, DataType::Struct(candidate_fields())),
            ],
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
            DecodedKind::Answers => {
                let rows = pick(rows, self, Decoded::as_answers)?;
                let best = rows.iter().map(|row| row.first().map_or("", |best| &best.text));
                let all = candidates(rows.iter().flat_map(|row| row.iter()))?;
                let n_best = list(all, rows.iter().map(|row| row.len()))?;
                Ok(vec![Arc::new(StringArray::from_iter_values(best)), n_best])
            }
        }
    }

    /// Of every row of `batch`, by the columns that it has.
    pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Decoded>> {
        if batch.column_by_name(N_BEST).is_some() {
            let rows = list_items::<StructArray>(batch, N_BEST)?;
            return rows.iter().map(|row| Ok(Decoded::Answers(read_candidates(row)?))).collect();
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

fn candidate_fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    let probability = Field::new(PROBABILITY, DataType::Float32, false);
    vec![Field::new(TEXT, DataType::Utf8, false), number(START), number(END), probability].into()
}

fn candidates<'a>(all: impl Iterator<Item = &'a Candidate> + Clone) -> Result<ArrayRef> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(all.clone().map(|candidate| &candidate.text))),
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|candidate| candidate.start))),
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|candidate| candidate.end))),
        Arc::new(Float32Array::from_iter_values(all.map(|candidate| candidate.probability))),
    ];
    Ok(Arc::new(StructArray::try_new(candidate_fields(), columns, None)?))
}

fn read_candidates(rows: &StructArray) -> Result<Vec<Candidate>> {
    let texts = field::<StringArray>(rows, TEXT)?;
    let (starts, ends) = (field::<UInt32Array>(rows, START)?, field::<UInt32Array>(rows, END)?);
    let probabilities = field::<Float32Array>(rows, PROBABILITY)?;
    let candidate = |row| Candidate {
        text: texts.value(row).to_owned(),
        start: starts.value(row),
        end: ends.value(row),
        probability: probabilities.value(row),
    };
    Ok((0..rows.len()).map(candidate).collect())
}

fn floats<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone) -> Result<ArrayRef> {
    let values = Float32Array::from_iter_values(rows.clone().flatten().copied());
    list(Arc::new(values), rows.map(<[f32]>::len))
}
