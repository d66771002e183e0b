//! Parquet files with columns of strings or integers.

use std::collections::VecDeque;

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use shared::config::FileColumns;
use shared::fault::Fault;
use shared::schema::ParquetReader;

use super::header::no_such_column;
use super::{Place, Row};
use crate::raw::RawFile;

pub(super) struct ParquetRows {
    batches: ParquetReader,
    ready: VecDeque<Row>,
    rows: u64,
    columns: FileColumns,
    shown: String,
}

impl ParquetRows {
    pub(super) fn open(file: &RawFile, columns: &FileColumns) -> Result<ParquetRows> {
        Ok(ParquetRows {
            batches: ParquetReader::open(&file.path)?,
            ready: VecDeque::new(),
            rows: 0,
            columns: columns.clone(),
            shown: file.shown.clone(),
        })
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let ids = self.columns.id.as_deref().map(|id| self.strings(batch, id)).transpose()?;
        let texts = self.strings(batch, &self.columns.text)?;
        let labels = self.strings(batch, &self.columns.label)?;
        let first = self.rows + 1;
        for (row, number) in (0..batch.num_rows()).zip(first..) {
            self.ready.push_back(Row {
                place: Place::Row(number),
                id: ids.as_ref().map(|ids| ids.value(row).to_owned()),
                text: texts.value(row).to_owned(),
                label: labels.value(row).to_owned(),
            });
            self.rows = number;
        }
        Ok(())
    }

    fn strings(&self, batch: &RecordBatch, name: &str) -> Result<StringArray> {
        let column = batch.column_by_name(name).with_context(|| {
            let schema = batch.schema();
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            no_such_column(&self.shown, name, &names)
        })?;
        let kind = column.data_type();
        let mistyped = || {
            Fault::input(format!("{}: the column `{name}` is {kind}, not a string or an integer", self.shown))
        };
        ensure!(is_name(kind), mistyped());
        self.no_nulls(column, name)?;
        let strings = cast(column, &DataType::Utf8).with_context(mistyped)?;
        Ok(strings.as_any().downcast_ref::<StringArray>().with_context(mistyped)?.clone())
    }

    fn no_nulls(&self, column: &ArrayRef, name: &str) -> Result<()> {
        let null = (0..column.len()).zip(self.rows + 1..).find(|(row, _)| column.is_null(*row));
        match null {
            Some((_, row)) => {
                Err(Fault::input(format!("{}, row {row}: the column `{name}` is missing", self.shown)).into())
            }
            None => Ok(()),
        }
    }
}

fn is_name(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_name(value),
        other => other.is_integer(),
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            let taken = self.batches.next()?.and_then(|batch| self.take(&batch));
            if let Err(error) = taken {
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}
