//! Texts alone, in whatever Parquet file: what a model is asked about.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::column::EXAMPLE_ID;
use super::examples::{Example, Texts, Truth};
use super::parquet_file::ParquetReader;
use crate::fault::Fault;

/// Examples of whom nobody has said what is true, some thousand at a time. Those of a file without the column
/// `example_id` are numbered from 1.
pub struct TextReader {
    batches: ParquetReader,
    texts: Texts,
    rows: u64,
}

impl TextReader {
    /// # Errors
    /// A [`Fault::input`] where the file is missing or is no whole Parquet file; from the iterator, where it lacks a
    /// column of `texts`, or a text in one.
    pub fn open(path: &Path, texts: Texts) -> Result<TextReader> {
        Ok(TextReader { batches: ParquetReader::open(path)?, texts, rows: 0 })
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<Vec<Example>> {
        let columns = self.texts.columns().iter().map(|name| strings(batch, name));
        let columns: Vec<StringArray> = columns.collect::<Result<_>>()?;
        let ids = batch.column_by_name(EXAMPLE_ID).map(|_| strings(batch, EXAMPLE_ID)).transpose()?;
        let mut examples = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            self.rows += 1;
            let mut names = self.texts.columns().iter().zip(&columns);
            if let Some((name, _)) = names.find(|(_, column)| column.is_null(row)) {
                bail!(Fault::input(format!("row {} has no `{name}`", self.rows)));
            }
            let mut texts = columns.iter().map(|column| column.value(row).to_owned());
            examples.push(Example {
                example_id: ids.as_ref().map_or(self.rows.to_string(), |ids| ids.value(row).to_owned()),
                text: texts.next().unwrap_or_default(),
                text_pair: texts.next(),
                truth: Truth::Unknown,
            });
        }
        Ok(examples)
    }
}

impl Iterator for TextReader {
    type Item = Result<Vec<Example>>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.next()?;
        Some(batch.and_then(|batch| self.take(&batch)))
    }
}

/// The column `name`, however its strings are kept; of numbers, their digits.
fn strings(batch: &RecordBatch, name: &str) -> Result<StringArray> {
    let column = batch.column_by_name(name).with_context(|| {
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        Fault::input(format!("there is no column `{name}`; the file has {}", names.join(", ")))
    })?;
    let kind = column.data_type();
    let written = || Fault::input(format!("the column `{name}` is of {kind}, and not of strings"));
    ensure!(!kind.is_nested(), written());
    Ok(cast(column, &DataType::Utf8).with_context(written)?.as_string().clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, LargeStringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;
    use crate::schema::column::{TEXT, TEXT_PAIR};
    use crate::schema::parquet_file::ParquetWriter;

    fn read(columns: Vec<(&str, ArrayRef)>, texts: Texts) -> Result<Vec<Example>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let field = |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), true);
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let mut writer = ParquetWriter::create(&path, Arc::new(schema)).unwrap();
        writer.write(columns.into_iter().map(|(_, column)| column).collect()).unwrap();
        writer.finish().unwrap();
        let batches: Vec<_> = TextReader::open(&path, texts)?.collect::<Result<_>>()?;
        Ok(batches.concat())
    }

    #[test]
    fn strings_of_any_kind_and_numbers_are_texts() {
        let texts = || -> ArrayRef { Arc::new(LargeStringArray::from(vec!["하나", "둘"])) };
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![7, 9]));
        let rows = read(vec![(EXAMPLE_ID, ids), (TEXT, texts()), (TEXT_PAIR, texts())], Texts::Pair).unwrap();
        assert_eq!((rows[1].example_id.as_str(), rows[1].text.as_str()), ("9", "둘"));
        assert_eq!(rows[1].text_pair.as_deref(), Some("둘"));
        let rows = read(vec![(TEXT, texts())], Texts::One).unwrap();
        assert_eq!((rows[0].example_id.as_str(), &rows[0].text_pair), ("1", &None));
    }

    #[test]
    fn what_is_missing_is_named() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("하나"), None]));
        let refused = |columns, expect: &str| {
            let error = read(columns, Texts::One).unwrap_err();
            assert_eq!(crate::fault::kind_of(&error).code(), 3);
            assert!(format!("{error:#}").contains(expect), "{error:#}");
        };
        refused(vec![(TEXT, texts.clone())], "row 2 has no `text`");
        refused(vec![("body", texts)], "there is no column `text`; the file has body");
    }
}
