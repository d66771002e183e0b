//! Parquet files as streams of record batches, with errors that name the file.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::fault::Fault;

/// Rows of a batch that a reader hands out.
const READ_ROWS: usize = 4096;
/// Rows of a row group: small enough that a writer's buffers stay small.
const ROW_GROUP_ROWS: usize = 32_768;

/// A Parquet file, batch by batch.
pub struct ParquetReader {
    path: PathBuf,
    rows: u64,
    metadata: HashMap<String, String>,
    batches: ParquetRecordBatchReader,
}

impl ParquetReader {
    /// # Errors
    /// A [`Fault::input`] where the file is missing or is no whole Parquet file.
    pub fn open(path: &Path) -> Result<ParquetReader> {
        let shown = path.display();
        let context =
            || Fault::input(format!("{shown} is not a Parquet file, or is cut off; take another copy of it"));
        let file = File::open(path).with_context(|| Fault::input(format!("cannot read {shown}")))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(context)?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).with_context(context)?;
        let metadata = builder.schema().metadata().clone().into();
        let batches = builder.with_batch_size(READ_ROWS).build().with_context(context)?;
        Ok(ParquetReader { path: path.to_owned(), rows, metadata, batches })
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The value of `key` in the file's own metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }
}

impl Iterator for ParquetReader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let context = || Fault::input(format!("{} is a damaged Parquet file", self.path.display()));
        self.batches.next().map(|batch| batch.with_context(context))
    }
}

/// The column `name` of `batch` as an array of type `A`.
pub(super) fn column<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a A> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref::<A>())
        .with_context(|| Fault::input(format!("the Parquet column `{name}` is missing or of another type")))
}

/// Lists are written without a dictionary and without statistics: zstd finds their runs faster than a dictionary is built, and
/// no reader searches rows by the least number in a list.
fn properties(schema: &SchemaRef) -> WriterProperties {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    let is_list = |field: &&Arc<Field>| matches!(field.data_type(), DataType::FixedSizeList(..));
    let lists = schema.fields().iter().filter(is_list);
    let numbers = lists.map(|list| ColumnPath::new(vec![list.name().clone(), "list".into(), "item".into()]));
    numbers
        .fold(properties, |properties, column| {
            properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column, EnabledStatistics::None)
        })
        .build()
}

/// A Parquet file being written: zstd, bytes that depend on the rows alone.
pub(super) struct ParquetWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<BufWriter<File>>,
}

impl ParquetWriter {
    pub(super) fn create(path: &Path, schema: SchemaRef) -> Result<ParquetWriter> {
        let context = || format!("cannot write {}", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(context)?;
        }
        let file = BufWriter::new(File::create(path).with_context(context)?);
        let properties = properties(&schema);
        let writer =
            ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).with_context(context)?;
        Ok(ParquetWriter { path: path.to_owned(), schema, writer })
    }

    pub(super) fn write(&mut self, columns: Vec<arrow::array::ArrayRef>) -> Result<()> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.writer.write(&batch).with_context(|| format!("cannot write {}", self.path.display()))
    }

    pub(super) fn finish(self) -> Result<()> {
        let context = || format!("cannot write {}", self.path.display());
        let file = self.writer.into_inner().with_context(context)?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(context)?;
        Ok(())
    }
}
