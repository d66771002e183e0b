//! Labels with their probabilities, as columns.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray};

use crate::schema::column::{PREDICTED_LABEL, PREDICTED_LABELS, PROBABILITIES};
use crate::schema::lists::{list, list_items};
use crate::schema::parquet_file::column;
use crate::schema::predictions::Decoded;

/// The one label, and the probabilities of all.
pub(super) fn columns(rows: &[(&String, &[f32])]) -> Result<Vec<ArrayRef>> {
    let names = StringArray::from_iter_values(rows.iter().map(|(name, _)| name));
    Ok(vec![Arc::new(names), floats(rows.iter().map(|(_, values)| *values))?])
}

/// The columns of sets of labels.
pub(super) fn set_columns(rows: &[(&[String], &[f32])]) -> Result<Vec<ArrayRef>> {
    let names = StringArray::from_iter_values(rows.iter().flat_map(|(names, _)| names.iter()));
    let names = list(Arc::new(names), rows.iter().map(|(names, _)| names.len()))?;
    Ok(vec![names, floats(rows.iter().map(|(_, values)| *values))?])
}

pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Decoded>> {
    let labels = column::<StringArray>(batch, PREDICTED_LABEL)?;
    let probabilities = list_items::<Float32Array>(batch, PROBABILITIES)?;
    let class = |(label, values): (Option<&str>, &Float32Array)| Decoded::Class {
        predicted: label.unwrap_or_default().to_owned(),
        probabilities: values.values().to_vec(),
    };
    Ok(labels.iter().zip(&probabilities).map(class).collect())
}

pub(super) fn read_sets(batch: &RecordBatch) -> Result<Vec<Decoded>> {
    let names = list_items::<StringArray>(batch, PREDICTED_LABELS)?;
    let probabilities = list_items::<Float32Array>(batch, PROBABILITIES)?;
    let label_set = |(names, values): (&StringArray, &Float32Array)| Decoded::LabelSet {
        labels: names.iter().flatten().map(str::to_owned).collect(),
        probabilities: values.values().to_vec(),
    };
    Ok(names.iter().zip(&probabilities).map(label_set).collect())
}

fn floats<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone) -> Result<ArrayRef> {
    let values = Float32Array::from_iter_values(rows.clone().flatten().copied());
    list(Arc::new(values), rows.map(<[f32]>::len))
}
