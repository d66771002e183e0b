//! `features/*.parquet`: what a model takes, padded to `max_seq_length` on disk and unpadded in memory.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{
    Array, ArrayRef, FixedSizeListArray, Int8Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::column::{ATTENTION_MASK, EXAMPLE_ID, INPUT_IDS, LABELS, LENGTH, TOKEN_TYPE_IDS};
use super::parquet_file::{ParquetReader, ParquetWriter, column};
use crate::fault::Fault;

/// One example as ids, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    pub example_id: String,
    pub input_ids: Vec<i32>,
    /// As long as `input_ids`.
    pub token_type_ids: Vec<i8>,
    /// The label's id.
    pub label: i64,
}

fn list_field(name: &str, item: &DataType, width: i32) -> Field {
    let item = Arc::new(Field::new_list_field(item.clone(), false));
    Field::new(name, DataType::FixedSizeList(item, width), false)
}

fn schema(width: i32) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(EXAMPLE_ID, DataType::Utf8, false),
        list_field(INPUT_IDS, &DataType::Int32, width),
        list_field(ATTENTION_MASK, &DataType::Int8, width),
        list_field(TOKEN_TYPE_IDS, &DataType::Int8, width),
        Field::new(LABELS, DataType::Int64, false),
        Field::new(LENGTH, DataType::Int32, false),
    ]))
}

pub struct FeaturesWriter {
    file: ParquetWriter,
    max_seq_length: usize,
    pad_token_id: i32,
}

impl FeaturesWriter {
    pub fn create(path: &Path, max_seq_length: usize, pad_token_id: u32) -> Result<FeaturesWriter> {
        let file = ParquetWriter::create(path, schema(i32::try_from(max_seq_length)?))?;
        Ok(FeaturesWriter { file, max_seq_length, pad_token_id: i32::try_from(pad_token_id)? })
    }

    /// # Errors
    /// Where a row is longer than `max_seq_length`.
    pub fn write(&mut self, rows: &[Features]) -> Result<()> {
        let width = self.max_seq_length;
        for row in rows {
            let fits = row.input_ids.len() <= width && row.token_type_ids.len() == row.input_ids.len();
            ensure!(fits, "example {} does not fit {width} tokens", row.example_id);
        }
        let input_ids =
            padded(rows, width, self.pad_token_id, |row, all| all.extend_from_slice(&row.input_ids));
        let mask = padded(rows, width, 0, |row, all| all.resize(all.len() + row.input_ids.len(), 1));
        let types = padded(rows, width, 0, |row, all| all.extend_from_slice(&row.token_type_ids));
        let lengths = rows.iter().map(|row| row.input_ids.len() as i32);
        self.file.write(vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.example_id))),
            list(Arc::new(Int32Array::from(input_ids)), width)?,
            list(Arc::new(Int8Array::from(mask)), width)?,
            list(Arc::new(Int8Array::from(types)), width)?,
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.label))),
            Arc::new(Int32Array::from_iter_values(lengths)),
        ])
    }

    pub fn finish(self) -> Result<()> {
        self.file.finish()
    }
}

/// The values of every row, each followed by `pad` up to `width`.
fn padded<T: Copy>(
    rows: &[Features],
    width: usize,
    pad: T,
    values: impl Fn(&Features, &mut Vec<T>),
) -> Vec<T> {
    let mut all = Vec::with_capacity(rows.len() * width);
    for (row, end) in rows.iter().zip((1..).map(|count| count * width)) {
        values(row, &mut all);
        all.resize(end, pad);
    }
    all
}

fn list(values: ArrayRef, width: usize) -> Result<ArrayRef> {
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), false));
    Ok(Arc::new(FixedSizeListArray::try_new(item, i32::try_from(width)?, values, None)?))
}

/// Rows in the order of the file, some thousand at a time.
pub struct FeaturesReader(ParquetReader);

impl FeaturesReader {
    pub fn open(path: &Path) -> Result<FeaturesReader> {
        Ok(FeaturesReader(ParquetReader::open(path)?))
    }
}

impl Iterator for FeaturesReader {
    type Item = Result<Vec<Features>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|batch| features(&batch)))
    }
}

fn features(batch: &RecordBatch) -> Result<Vec<Features>> {
    let example_ids = column::<StringArray>(batch, EXAMPLE_ID)?;
    let input_ids = column::<FixedSizeListArray>(batch, INPUT_IDS)?;
    let types = column::<FixedSizeListArray>(batch, TOKEN_TYPE_IDS)?;
    let labels = column::<Int64Array>(batch, LABELS)?;
    let lengths = column::<Int32Array>(batch, LENGTH)?;
    let row = |row: usize| -> Result<Features> {
        let length = usize::try_from(lengths.value(row))?;
        let (ids, kinds) = (input_ids.value(row), types.value(row));
        let mistyped = || Fault::input("the id columns of the features are of another type");
        let ids = ids.as_any().downcast_ref::<Int32Array>().with_context(mistyped)?;
        let kinds = kinds.as_any().downcast_ref::<Int8Array>().with_context(mistyped)?;
        ensure!(length <= ids.len(), Fault::input(format!("row {row} is longer than its columns")));
        Ok(Features {
            example_id: example_ids.value(row).to_owned(),
            input_ids: ids.values()[..length].to_vec(),
            token_type_ids: kinds.values()[..length].to_vec(),
            label: labels.value(row),
        })
    };
    (0..batch.num_rows()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_come_back_without_their_padding() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.parquet");
        let row = |id: &str, length: i32, label| Features {
            example_id: id.into(),
            input_ids: (10..10 + length).collect(),
            token_type_ids: vec![0; length as usize],
            label,
        };
        let rows = vec![row("a", 3, 1), row("b", 8, 0), row("c", 2, 1)];
        let mut writer = FeaturesWriter::create(&path, 8, 1).unwrap();
        writer.write(&rows).unwrap();
        assert!(writer.write(&[row("d", 9, 0)]).is_err());
        writer.finish().unwrap();
        let read: Vec<Features> = FeaturesReader::open(&path).unwrap().flat_map(Result::unwrap).collect();
        assert_eq!(read, rows);
    }

    #[test]
    fn disk_columns_are_padded() {
        let rows =
            [Features { example_id: "a".into(), input_ids: vec![5], token_type_ids: vec![0], label: 0 }];
        assert_eq!(padded(&rows, 3, 9, |row, all| all.extend_from_slice(&row.input_ids)), [5, 9, 9]);
    }
}
