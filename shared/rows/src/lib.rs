//! Reads rows of texts from files in every supported format: corpora for `fetch`, and input for `predict`.
#![warn(missing_docs)]

mod class_names;
mod columns;
mod conll;
mod csv;
mod decompressed;
mod encoding;
mod header;
mod input;
mod json;
mod jsonl;
mod lines;
mod parquet;
mod squad;
mod tagged;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod tsv;
mod values;

use std::fmt;

use anyhow::{Result, bail, ensure};
use metrics::entities::TagScheme;
use shared::config::{Encoding, FileColumns, FileFormat, Quote};
use shared::fault::Fault;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use self::columns::{Columns, HeaderLine};
use self::conll::Layout;

pub use self::class_names::class_names;
pub use self::conll::{Sentence, Unit, sentences};
pub use self::input::{ConfigKeys, Dialect, Input};
pub use self::json::array;

/// One example of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The row's place in the file.
    pub place: Place,
    /// The id; none where the file has no column of ids.
    pub id: Option<String>,
    /// The only text, the first of two, or a question.
    pub text: String,
    /// The second text, or the context of a question; none where the shape has one text.
    pub text_pair: Option<String>,
    /// The label, score, entities or answers.
    pub truth: Truth,
}

/// The place of a row in its file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The number of the row's first line.
    Line(u64),
    /// The number of the row, in formats without lines.
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

/// Rows in the order of the file. Each is read when the iterator reaches it.
pub type Rows = Box<dyn Iterator<Item = Result<Row>> + Send>;

/// Opens `input` in `format` for rows of `shape`. `columns` names the columns of formats that have them.
///
/// # Errors
/// A usage fault where the format cannot hold such rows. An input fault where the file is unreadable or malformed; from
/// the iterator, its message names the line and the column.
pub fn open(input: Input, format: FileFormat, columns: &FileColumns, shape: ExampleShape) -> Result<Rows> {
    open_tagged(input, format, columns, shape, TagNames::default())
}

/// The notation of the tags of tokens.
#[derive(Debug, Clone, Default)]
pub struct TagNames {
    /// The scheme; if absent, the first tag with B or I shows it.
    pub scheme: Option<TagScheme>,
    /// The names of numeric tags, by number; empty where they are unknown.
    pub names: Vec<String>,
}

/// Opens `input` as [`open`] does, with tags of tokens in the notation `tags`.
///
/// # Errors
/// As for [`open`].
pub fn open_tagged(
    input: Input,
    format: FileFormat,
    columns: &FileColumns,
    shape: ExampleShape,
    tags: TagNames,
) -> Result<Rows> {
    let wrong = || {
        let formats = formats_of(shape).join(", ");
        Fault::usage(format!(
            "{} cannot hold the examples of this task; its formats are {formats}",
            input.shown
        ))
    };
    ensure!(can_hold(format, shape), wrong());
    let scheme = tags.scheme;
    let read_columns = Columns::of_corpus(&input.shown, columns, shape)?;
    if matches!(format, FileFormat::Conll | FileFormat::CharacterConll | FileFormat::Conllu) {
        check_dialect(&input, format, &read_columns)?;
    }
    match format {
        FileFormat::Conll => Ok(Box::new(conll::rows(input, Unit::Word, Layout::FirstAndLast, scheme)?)),
        FileFormat::CharacterConll => {
            Ok(Box::new(conll::rows(input, Unit::Character, Layout::FirstAndLast, scheme)?))
        }
        FileFormat::Conllu => {
            let layout = Layout::universal(columns.ner_tags.as_deref())?;
            Ok(Box::new(conll::rows(input, Unit::Word, layout, scheme)?))
        }
        format => read(input, format, read_columns.with_tags(columns, tags)),
    }
}

/// Opens `input` for `texts` without labels. Columns have the names of [`Texts::columns`], and ids are in `example_id` if
/// there is such a column. In plain text every line is a row, and a tab separates two texts.
///
/// # Errors
/// As for [`open`].
pub fn open_texts(input: Input, format: FileFormat, texts: Texts) -> Result<Rows> {
    let shape = ExampleShape { texts, truth: TruthKind::Nothing };
    let columns = Columns::of_texts(&input.shown, texts)?;
    match format {
        FileFormat::Text => Ok(Box::new(text::lines(input, texts)?)),
        format => {
            ensure!(
                can_hold(format, shape),
                Fault::usage(format!("{} cannot hold texts without labels", input.shown))
            );
            read(input, format, columns)
        }
    }
}

fn read(input: Input, format: FileFormat, columns: Columns) -> Result<Rows> {
    let columns = columns.with_label_separator(input.dialect.label_separator.clone());
    check_dialect(&input, format, &columns)?;
    Ok(match format {
        FileFormat::Tsv | FileFormat::Csv => table(input, format, columns)?,
        FileFormat::Jsonl => Box::new(jsonl::JsonRows::open(input, columns)?),
        FileFormat::Parquet => Box::new(parquet::ParquetRows::open(&input, columns)?),
        FileFormat::Conll | FileFormat::CharacterConll | FileFormat::Conllu => {
            bail!(Fault::usage(format!("{} cannot hold texts without labels", input.shown)))
        }
        FileFormat::Json => Box::new(json::ObjectRows::open(json::reader(input)?, columns)?),
        FileFormat::Squad => squad::rows(input, columns)?,
        FileFormat::Text => Box::new(text::documents(input)?),
    })
}

/// Checks that the format of the file has the settings that the config gives for it.
///
/// # Errors
/// A usage fault that names the setting which the format lacks.
fn check_dialect(input: &Input, format: FileFormat, columns: &Columns) -> Result<()> {
    let is_table = matches!(format, FileFormat::Tsv | FileFormat::Csv);
    let Dialect { separator, quote, .. } = input.dialect;
    let only = |what: &str| Fault::usage(format!("{what} only for the formats tsv and csv: {}", input.shown));
    ensure!(is_table || separator.is_none(), only("`fetch.files.separator` is"));
    ensure!(is_table || quote.is_none(), only("`fetch.files.quote` is"));
    ensure!(is_table || columns.header() == HeaderLine::Present, only("numbers of columns are"));
    let encoded = input.dialect.encoding != Encoding::Utf8 && format == FileFormat::Parquet;
    ensure!(!encoded, Fault::usage(format!("`fetch.files.encoding` is for text files: {}", input.shown)));
    Ok(())
}

/// Opens a table in the dialect of `input`; absent settings are those of `format`.
fn table(input: Input, format: FileFormat, columns: Columns) -> Result<Rows> {
    let (separator, quote) = match format {
        FileFormat::Csv => (',', Quote::Csv),
        _ => ('\t', Quote::None),
    };
    let separator = input.dialect.separator.unwrap_or(separator);
    Ok(match input.dialect.quote.unwrap_or(quote) {
        Quote::None => Box::new(tsv::TsvRows::open(input, separator, columns)?),
        Quote::Csv => Box::new(csv::CsvRows::open(input, separator, columns)?),
    })
}

fn can_hold(format: FileFormat, shape: ExampleShape) -> bool {
    match format {
        FileFormat::Jsonl | FileFormat::Json | FileFormat::Parquet => true,
        FileFormat::Tsv | FileFormat::Csv => !matches!(shape.truth, TruthKind::Entities | TruthKind::Answers),
        FileFormat::Conll | FileFormat::CharacterConll | FileFormat::Conllu => {
            shape.truth == TruthKind::Entities
        }
        FileFormat::Squad => shape.texts == Texts::QuestionInContext && shape.truth == TruthKind::Answers,
        FileFormat::Text => shape.texts == Texts::One && shape.truth == TruthKind::Nothing,
    }
}

/// The config's names of the formats that can hold rows of `shape`.
pub fn formats_of(shape: ExampleShape) -> Vec<&'static str> {
    let all = [
        (FileFormat::Tsv, "tsv"),
        (FileFormat::Csv, "csv"),
        (FileFormat::Jsonl, "jsonl"),
        (FileFormat::Json, "json"),
        (FileFormat::Parquet, "parquet"),
        (FileFormat::Conll, "conll"),
        (FileFormat::CharacterConll, "character_conll"),
        (FileFormat::Conllu, "conllu"),
        (FileFormat::Squad, "squad"),
        (FileFormat::Text, "text"),
    ];
    all.into_iter().filter(|(format, _)| can_hold(*format, shape)).map(|(_, name)| name).collect()
}
