//! Rows of a corpus file, whatever its format.

mod csv;
mod header;
mod jsonl;
mod lines;
mod parquet;
#[cfg(test)]
mod tests;
mod tsv;

use std::fmt;

use anyhow::Result;
use shared::config::{FileColumns, FileFormat};

use crate::raw::RawFile;

/// What a file says of one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) place: Place,
    /// None where the file has no column of ids.
    pub(crate) id: Option<String>,
    pub(crate) text: String,
    pub(crate) label: String,
}

/// Where a row stands in its file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Line(u64),
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(number) => write!(f, "line {number}"),
            Place::Row(number) => write!(f, "row {number}"),
        }
    }
}

/// Rows in the order of their file, read as they are asked for.
pub(crate) type Rows = Box<dyn Iterator<Item = Result<Row>>>;

/// Opens `file`, which is written in `format` and has `columns`.
///
/// # Errors
/// An input fault that names the file, here and from the iterator, which also names the line and the column.
pub(crate) fn open(file: &RawFile, format: FileFormat, columns: &FileColumns) -> Result<Rows> {
    Ok(match format {
        FileFormat::Tsv => Box::new(tsv::TsvRows::open(file, columns)?),
        FileFormat::Csv => Box::new(csv::CsvRows::open(file, columns)?),
        FileFormat::Jsonl => Box::new(jsonl::JsonRows::open(file, columns)?),
        FileFormat::Parquet => Box::new(parquet::ParquetRows::open(file, columns)?),
    })
}
