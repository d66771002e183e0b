//! `predictions.parquet`: what the model said of every example of a split.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{Array, FixedSizeListArray, Float32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::column::{EXAMPLE_ID, LABEL, LOGITS, PREDICTED_LABEL, PROBABILITIES};
use super::parquet_file::{ParquetReader, ParquetWriter, column};
use crate::fault::Fault;

#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub example_id: String,
    pub label: String,
    pub predicted_label: String,
    /// One a label, in label order; they sum to 1.
    pub probabilities: Vec<f32>,
    /// What the probabilities are the softmax of.
    pub logits: Vec<f32>,
}

pub struct PredictionWriter {
    file: ParquetWriter,
    item: Arc<Field>,
    labels: i32,
}

impl PredictionWriter {
    pub fn create(path: &Path, labels: usize) -> Result<PredictionWriter> {
        let labels = i32::try_from(labels)?;
        let item = Arc::new(Field::new_list_field(DataType::Float32, false));
        let string = |name: &str| Field::new(name, DataType::Utf8, false);
        let list = |name: &str| Field::new(name, DataType::FixedSizeList(Arc::clone(&item), labels), false);
        let schema = Schema::new(vec![
            string(EXAMPLE_ID),
            string(LABEL),
            string(PREDICTED_LABEL),
            list(PROBABILITIES),
            list(LOGITS),
        ]);
        Ok(PredictionWriter { file: ParquetWriter::create(path, Arc::new(schema))?, item, labels })
    }

    pub fn write(&mut self, rows: &[Prediction]) -> Result<()> {
        let strings = |field: fn(&Prediction) -> &str| StringArray::from_iter_values(rows.iter().map(field));
        let lists = |field: fn(&Prediction) -> &[f32]| {
            let values = Float32Array::from_iter_values(rows.iter().flat_map(field).copied());
            FixedSizeListArray::try_new(Arc::clone(&self.item), self.labels, Arc::new(values), None)
        };
        self.file.write(vec![
            Arc::new(strings(|row| &row.example_id)),
            Arc::new(strings(|row| &row.label)),
            Arc::new(strings(|row| &row.predicted_label)),
            Arc::new(lists(|row| &row.probabilities)?),
            Arc::new(lists(|row| &row.logits)?),
        ])
    }

    pub fn finish(self) -> Result<()> {
        self.file.finish()
    }
}

/// Rows in the order of the file, some thousand at a time.
pub struct PredictionReader(ParquetReader);

impl PredictionReader {
    pub fn open(path: &Path) -> Result<PredictionReader> {
        Ok(PredictionReader(ParquetReader::open(path)?))
    }
}

impl Iterator for PredictionReader {
    type Item = Result<Vec<Prediction>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|batch| predictions(&batch)))
    }
}

fn predictions(batch: &RecordBatch) -> Result<Vec<Prediction>> {
    let ids = column::<StringArray>(batch, EXAMPLE_ID)?;
    let labels = column::<StringArray>(batch, LABEL)?;
    let predicted = column::<StringArray>(batch, PREDICTED_LABEL)?;
    let probabilities = column::<FixedSizeListArray>(batch, PROBABILITIES)?;
    let logits = column::<FixedSizeListArray>(batch, LOGITS)?;
    let row = |row: usize| -> Result<Prediction> {
        Ok(Prediction {
            example_id: ids.value(row).to_owned(),
            label: labels.value(row).to_owned(),
            predicted_label: predicted.value(row).to_owned(),
            probabilities: floats(probabilities, row)?,
            logits: floats(logits, row)?,
        })
    };
    (0..batch.num_rows()).map(row).collect()
}

fn floats(lists: &FixedSizeListArray, row: usize) -> Result<Vec<f32>> {
    let list = lists.value(row);
    let floats = list.as_any().downcast_ref::<Float32Array>();
    let mistyped = || Fault::input("a column of the predictions is of another type");
    Ok(floats.with_context(mistyped)?.values().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        let rows = vec![Prediction {
            example_id: "1".into(),
            label: "negative".into(),
            predicted_label: "positive".into(),
            probabilities: vec![0.25, 0.75],
            logits: vec![-1.5, 0.25],
        }];
        let mut writer = PredictionWriter::create(&path, 2).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        let read: Vec<Prediction> = PredictionReader::open(&path).unwrap().flat_map(Result::unwrap).collect();
        assert_eq!(read, rows);
    }
}
