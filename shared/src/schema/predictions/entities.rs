//! Predicted entities, as columns.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array, ArrayRef, Float32Array, RecordBatch, StringArray, StructArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Fields};

use crate::schema::column::{END, LABEL, PREDICTED_ENTITIES, PROBABILITY, START, TEXT};
use crate::schema::lists::{field, list, list_field, list_items};
use crate::schema::parquet_file::column;

/// A named part of a text, as a model has found it.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedEntity {
    /// In characters, as `end`, which is behind the last.
    pub start: u32,
    /// The character after the last.
    pub end: u32,
    /// The class of the entity.
    pub label: String,
    /// That of its tokens' tags, on average.
    pub probability: f32,
}

/// The text that the places are in, and what was found there.
pub(super) fn fields() -> Vec<Field> {
    let found = list_field(PREDICTED_ENTITIES, DataType::Struct(entity_fields()));
    vec![Field::new(TEXT, DataType::Utf8, false), found]
}

fn entity_fields() -> Fields {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    let label = Field::new(LABEL, DataType::Utf8, false);
    vec![number(START), number(END), label, Field::new(PROBABILITY, DataType::Float32, false)].into()
}

pub(super) fn columns(rows: &[(&str, &[PredictedEntity])]) -> Result<Vec<ArrayRef>> {
    let texts = StringArray::from_iter_values(rows.iter().map(|(text, _)| text));
    let all = rows.iter().flat_map(|(_, row)| row.iter());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|entity| entity.start))),
        Arc::new(UInt32Array::from_iter_values(all.clone().map(|entity| entity.end))),
        Arc::new(StringArray::from_iter_values(all.clone().map(|entity| &entity.label))),
        Arc::new(Float32Array::from_iter_values(all.map(|entity| entity.probability))),
    ];
    let entities = StructArray::try_new(entity_fields(), columns, None)?;
    Ok(vec![Arc::new(texts), list(Arc::new(entities), rows.iter().map(|(_, row)| row.len()))?])
}

/// Reads every row of `batch`.
pub(super) fn read(batch: &RecordBatch) -> Result<Vec<(String, Vec<PredictedEntity>)>> {
    let texts = column::<StringArray>(batch, TEXT)?.iter();
    let rows = list_items::<StructArray>(batch, PREDICTED_ENTITIES)?;
    let row =
        |(text, row): (Option<&str>, &StructArray)| Ok((text.unwrap_or_default().to_owned(), read_row(row)?));
    texts.zip(&rows).map(row).collect()
}

fn read_row(row: &StructArray) -> Result<Vec<PredictedEntity>> {
    let (starts, ends) = (field::<UInt32Array>(row, START)?, field::<UInt32Array>(row, END)?);
    let labels = field::<StringArray>(row, LABEL)?;
    let probabilities = field::<Float32Array>(row, PROBABILITY)?;
    let entity = |place| PredictedEntity {
        start: starts.value(place),
        end: ends.value(place),
        label: labels.value(place).to_owned(),
        probability: probabilities.value(place),
    };
    Ok((0..row.len()).map(entity).collect())
}
