//! Answers and the other candidates, as columns.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array, ArrayRef, Float32Array, RecordBatch, StringArray, StructArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields};
use serde::Serialize;

use crate::schema::column::{END, N_BEST, PREDICTION_TEXT, PROBABILITY, START, TEXT};
use crate::schema::lists::{field, list, list_field, list_items};

/// An answer that may be the right one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Empty: the context has no answer.
    pub text: String,
    /// In characters of the context, as `end`, which is behind the last.
    pub start: u32,
    /// The character after the last.
    pub end: u32,
    /// Those of an example sum to 1.
    pub probability: f32,
}

pub(super) fn fields() -> Vec<Field> {
    vec![
        Field::new(PREDICTION_TEXT, DataType::Utf8, false),
        list_field(N_BEST, DataType::Struct(candidate_fields())),
    ]
}

pub(super) fn columns(rows: &[&[Candidate]]) -> Result<Vec<ArrayRef>> {
    let best = rows.iter().map(|row| row.first().map_or("", |best| &best.text));
    let all = candidates(rows.iter().flat_map(|row| row.iter()))?;
    let n_best = list(all, rows.iter().map(|row| row.len()))?;
    Ok(vec![Arc::new(StringArray::from_iter_values(best)), n_best])
}

pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Vec<Candidate>>> {
    list_items::<StructArray>(batch, N_BEST)?.iter().map(read_candidates).collect()
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
