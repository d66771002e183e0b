//! Answers that a model found, as columns.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array, ArrayRef, Float32Array, RecordBatch, StringArray, StructArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields};
use serde::Serialize;

use crate::schema::column::{END, N_BEST, PREDICTION_TEXT, PROBABILITY, START, TEXT};
use crate::schema::lists::{list, list_field, list_items};
use crate::schema::parquet_file::struct_field;

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

/// The best answer, empty where there is none, and all of them.
pub(super) fn fields() -> Vec<Field> {
    let n_best = list_field(N_BEST, DataType::Struct(candidate_fields()));
    vec![Field::new(PREDICTION_TEXT, DataType::Utf8, false), n_best]
}

fn candidate_fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    let probability = Field::new(PROBABILITY, DataType::Float32, false);
    vec![Field::new(TEXT, DataType::Utf8, false), number(START), number(END), probability].into()
}

/// Of every row the candidates, the best first.
pub(super) fn columns(rows: &[&[Candidate]]) -> Result<Vec<ArrayRef>> {
    let best = rows.iter().map(|row| row.first().map_or("", |best| &best.text));
    let all = rows.iter().flat_map(|row| row.iter());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(all.clone().map(|candidate| &candidate.text))),
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|candidate| candidate.start))),
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|candidate| candidate.end))),
        Arc::new(Float32Array::from_iter_values(all.map(|candidate| candidate.probability))),
    ];
    let candidates = StructArray::try_new(candidate_fields(), columns, None)?;
    let n_best = list(Arc::new(candidates), rows.iter().map(|row| row.len()))?;
    Ok(vec![Arc::new(StringArray::from_iter_values(best)), n_best])
}

/// Of every row of `batch`.
pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Vec<Candidate>>> {
    list_items::<StructArray>(batch, N_BEST)?.iter().map(read_row).collect()
}

fn read_row(row: &StructArray) -> Result<Vec<Candidate>> {
    let texts = struct_field::<StringArray>(row, TEXT)?;
    let (starts, ends) = (struct_field::<UInt32Array>(row, START)?, struct_field::<UInt32Array>(row, END)?);
    let probabilities = struct_field::<Float32Array>(row, PROBABILITY)?;
    let candidate = |place| Candidate {
        text: texts.value(place).to_owned(),
        start: starts.value(place),
        end: ends.value(place),
        probability: probabilities.value(place),
    };
    Ok((0..row.len()).map(candidate).collect())
}
