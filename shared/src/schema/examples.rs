//! `examples/*.parquet`: what fetch hands to every later stage.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::column::{EXAMPLE_ID, LABEL, TEXT};
use super::parquet_file::{ParquetReader, ParquetWriter, column};

/// A text and its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Unique in the corpus.
    pub example_id: String,
    pub text: String,
    /// By name.
    pub label: String,
}

fn schema() -> SchemaRef {
    let string = |name: &str| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(vec![string(EXAMPLE_ID), string(TEXT), string(LABEL)]))
}

pub struct ExampleWriter(ParquetWriter);

impl ExampleWriter {
    pub fn create(path: &Path) -> Result<ExampleWriter> {
        Ok(ExampleWriter(ParquetWriter::create(path, schema())?))
    }

    pub fn write(&mut self, examples: &[Example]) -> Result<()> {
        let strings = |field: fn(&Example) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(examples.iter().map(field)))
        };
        self.0.write(vec![strings(|e| &e.example_id), strings(|e| &e.text), strings(|e| &e.label)])
    }

    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}

/// Examples in the order of the file, some thousand at a time.
pub struct ExampleReader(ParquetReader);

impl ExampleReader {
    pub fn open(path: &Path) -> Result<ExampleReader> {
        Ok(ExampleReader(ParquetReader::open(path)?))
    }

    pub fn rows(&self) -> u64 {
        self.0.rows()
    }
}

impl Iterator for ExampleReader {
    type Item = Result<Vec<Example>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(|batch| examples(&batch)))
    }
}

fn examples(batch: &RecordBatch) -> Result<Vec<Example>> {
    let ids = column::<StringArray>(batch, EXAMPLE_ID)?;
    let texts = column::<StringArray>(batch, TEXT)?;
    let labels = column::<StringArray>(batch, LABEL)?;
    let example = |row| Example {
        example_id: ids.value(row).to_owned(),
        text: texts.value(row).to_owned(),
        label: labels.value(row).to_owned(),
    };
    Ok((0..ids.len()).map(example).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nested/train.parquet");
        let written: Vec<Example> = (0..10_000)
            .map(|i| Example {
                example_id: i.to_string(), text: "\"굳 ㅋ".into(), label: "positive".into()
            })
            .collect();
        let mut writer = ExampleWriter::create(&path).unwrap();
        written.chunks(999).for_each(|chunk| writer.write(chunk).unwrap());
        writer.finish().unwrap();
        let read: Vec<Example> = ExampleReader::open(&path).unwrap().flat_map(Result::unwrap).collect();
        assert_eq!(read, written);
    }

    #[test]
    fn a_truncated_file_is_an_input_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let mut writer = ExampleWriter::create(&path).unwrap();
        let example = Example { example_id: "1".into(), text: "a".into(), label: "b".into() };
        writer.write(&[example]).unwrap();
        writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let Err(error) = ExampleReader::open(&path) else { panic!("a truncated file was opened") };
        assert_eq!(crate::fault::kind_of(&error).code(), 3);
    }
}
