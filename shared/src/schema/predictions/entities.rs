//! Entities that a model found, as a column.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array, ArrayRef, Float32Array, RecordBatch, StringArray, StructArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields};
use serde::Serialize;

use crate::schema::column::{END, LABEL, PREDICTED_ENTITIES, PROBABILITY, START};
use crate::schema::lists::{list, list_field, list_items};
use crate::schema::parquet_file::struct_field;

/// A named part of a text, as a model has found it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictedEntity {
    /// In characters, as `end`, which is behind the last.
    pub start: u32,
    pub end: u32,
    pub label: String,
    /// That of its tokens' tags, on average.
    pub probability: f32,
}

pub(super) fn field() -> Field {
    list_field(PREDICTED_ENTITIES, DataType::Struct(fields()))
}

fn fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    let label = Field::new(LABEL, DataType::Utf8, false);
    vec![number(START), number(END), label, Field::new(PROBABILITY, DataType::Float32, false)].into()
}

/// Of every row the entities.
pub(super) fn column(rows: &[&[PredictedEntity]]) -> Result<ArrayRef> {
    let all = rows.iter().flat_map(|row| row.iter());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|entity| entity.start))),
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|entity| entity.end))),
        Arc::new(StringArray::from_iter_values(all.clone().map(|entity| &entity.label))),
        Arc::new(Float32Array::from_iter_values(all.map(|entity| entity.probability))),
    ];
    let entities = StructArray::try_new(fields(), columns, None)?;
    list(Arc::new(entities), rows.iter().map(|row| row.len()))
}

/// Of every row of `batch`.
pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Vec<PredictedEntity>>> {
    list_items::<StructArray>(batch, PREDICTED_ENTITIES)?.iter().map(read_row).collect()
}

fn read_row(row: &StructArray) -> Result<Vec<PredictedEntity>> {
    let (starts, ends) = (struct_field::<UInt32Array>(row, START)?, struct_field::<UInt32Array>(row, END)?);
    let labels = struct_field::<StringArray>(row, LABEL)?;
    let probabilities = struct_field::<Float32Array>(row, PROBABILITY)?;
    let entity = |place| PredictedEntity {
        start: starts.value(place),
        end: ends.value(place),
        label: labels.value(place).to_owned(),
        probability: probabilities.value(place),
    };
    Ok((0..row.len()).map(entity).collect())
}
