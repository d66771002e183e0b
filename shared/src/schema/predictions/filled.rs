//! Candidates for the masks of a text, as a column.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, ListArray, RecordBatch, StringArray, StructArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Fields};
use serde::Serialize;

use crate::schema::column::{CANDIDATES, END, MASKS, PROBABILITY, START, TOKEN};
use crate::schema::lists::{field, list, list_field, list_items};

/// A mask in a text, and what a model would put there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FilledMask {
    /// In characters, as `end`, which is behind the last.
    pub start: u32,
    /// The character after the last.
    pub end: u32,
    /// The best first.
    pub candidates: Vec<TokenCandidate>,
}

/// A token that may stand behind a mask.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenCandidate {
    /// As the vocabulary spells it.
    pub token: String,
    /// Its probability.
    pub probability: f32,
}

pub(super) fn fields() -> Vec<Field> {
    vec![list_field(MASKS, DataType::Struct(mask_fields()))]
}

fn mask_fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    let candidates = list_field(CANDIDATES, DataType::Struct(candidate_fields()));
    vec![number(START), number(END), candidates].into()
}

fn candidate_fields() -> Fields {
    vec![Field::new(TOKEN, DataType::Utf8, false), Field::new(PROBABILITY, DataType::Float32, false)].into()
}

pub(super) fn columns(rows: &[&[FilledMask]]) -> Result<Vec<ArrayRef>> {
    let masks = || rows.iter().copied().flatten();
    let all = || masks().flat_map(|mask| mask.candidates.iter());
    let candidates: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(all().map(|candidate| &candidate.token))),
        Arc::new(Float32Array::from_iter_values(all().map(|candidate| candidate.probability))),
    ];
    let candidates = StructArray::try_new(candidate_fields(), candidates, None)?;
    let number =
        |of: fn(&FilledMask) -> u32| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(masks().map(of))) };
    let columns = vec![
        number(|mask| mask.start),
        number(|mask| mask.end),
        list(Arc::new(candidates), masks().map(|mask| mask.candidates.len()))?,
    ];
    let masks = StructArray::try_new(mask_fields(), columns, None)?;
    Ok(vec![list(Arc::new(masks), rows.iter().map(|row| row.len()))?])
}

pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Vec<FilledMask>>> {
    list_items::<StructArray>(batch, MASKS)?.iter().map(read_row).collect()
}

fn read_row(row: &StructArray) -> Result<Vec<FilledMask>> {
    let (starts, ends) = (field::<UInt32Array>(row, START)?, field::<UInt32Array>(row, END)?);
    let candidates = field::<ListArray>(row, CANDIDATES)?;
    let mask = |place| {
        let candidates = read_candidates(candidates.value(place).as_struct())?;
        Ok(FilledMask { start: starts.value(place), end: ends.value(place), candidates })
    };
    (0..row.len()).map(mask).collect()
}

fn read_candidates(rows: &StructArray) -> Result<Vec<TokenCandidate>> {
    let tokens = field::<StringArray>(rows, TOKEN)?;
    let probabilities = field::<Float32Array>(rows, PROBABILITY)?;
    let candidate =
        |row| TokenCandidate { token: tokens.value(row).to_owned(), probability: probabilities.value(row) };
    Ok((0..rows.len()).map(candidate).collect())
}
