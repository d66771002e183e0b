//! Rows of a corpus file, whatever its format.

mod columns;
mod conll;
mod csv;
mod decompressed;
mod header;
mod json;
mod jsonl;
mod lines;
mod parquet;
mod squad;
#[cfg(test)]
mod tests;
mod text;
mod tsv;
mod values;

use std::fmt;

use anyhow::{Result, ensure};
use shared::config::{FileColumns, FileFormat};
use shared::fault::Fault;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use self::columns::Columns;
use crate::raw::RawFile;

pub(crate) use self::conll::{Sentence, Unit, sentences};
pub(crate) use self::json::array;

/// What a file says of one example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) place: Place,
    /// None where the file has no column of ids.
    pub(crate) id: Option<String>,
    pub(crate) text: String,
    pub(crate) text_pair: Option<String>,
    pub(crate) truth: Truth,
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

/// Opens `file`, which is written in `format`, for rows of `shape`; `columns` names the columns where it has any.
///
/// # Errors
/// A usage fault where the format cannot hold such rows. An input fault that names the file, here and from the
/// iterator, which also names the line and the column.
pub(crate) fn open(
    file: &RawFile,
    format: FileFormat,
    columns: &FileColumns,
    shape: ExampleShape,
) -> Result<Rows> {
    let wrong = || {
        let formats = formats_of(shape).join(", ");
        Fault::usage(format!(
            "{} cannot hold the examples of this task; its formats are {formats}",
            file.shown
        ))
    };
    ensure!(can_hold(format, shape), wrong());
    let columns = Columns::new(&file.shown, columns, shape);
    Ok(match format {
        FileFormat::Tsv => Box::new(tsv::TsvRows::open(file, columns)?),
        FileFormat::Csv => Box::new(csv::CsvRows::open(file, columns)?),
        FileFormat::Jsonl => Box::new(jsonl::JsonRows::open(file, columns)?),
        FileFormat::Parquet => Box::new(parquet::ParquetRows::open(file, columns)?),
        FileFormat::Conll => Box::new(conll::rows(file, Unit::Word)?),
        FileFormat::CharacterConll => Box::new(conll::rows(file, Unit::Character)?),
        FileFormat::Squad => Box::new(squad::rows(file)?),
        FileFormat::Text => Box::new(text::rows(file)?),
    })
}

fn can_hold(format: FileFormat, shape: ExampleShape) -> bool {
    match format {
        FileFormat::Jsonl | FileFormat::Parquet => true,
        FileFormat::Tsv | FileFormat::Csv => !matches!(shape.truth, TruthKind::Entities | TruthKind::Answers),
        FileFormat::Conll | FileFormat::CharacterConll => shape.truth == TruthKind::Entities,
        FileFormat::Squad => shape.texts == Texts::QuestionInContext && shape.truth == TruthKind::Answers,
        FileFormat::Text => shape.texts == Texts::One && shape.truth == TruthKind::Nothing,
    }
}

/// The names of the formats that can hold rows of `shape`, as the config has them.
pub(crate) fn formats_of(shape: ExampleShape) -> Vec<&'static str> {
    let all = [
        (FileFormat::Tsv, "tsv"),
        (FileFormat::Csv, "csv"),
        (FileFormat::Jsonl, "jsonl"),
        (FileFormat::Parquet, "parquet"),
        (FileFormat::Conll, "conll"),
        (FileFormat::CharacterConll, "character_conll"),
        (FileFormat::Squad, "squad"),
        (FileFormat::Text, "text"),
    ];
    all.into_iter().filter(|(format, _)| can_hold(*format, shape)).map(|(_, name)| name).collect()
}
