//! Rows of a file of texts, whatever its format: of a corpus for `fetch`, of other texts for `predict`.

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
pub use self::input::{Input, Origin, Writing};
pub use self::json::array;

/// What a file says of one example.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub place: Place,
    /// None where the file has no column of ids.
    pub id: Option<String>,
    pub text: String,
    pub text_pair: Option<String>,
    pub truth: Truth,
}

/// Where a row stands in its file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
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
pub type Rows = Box<dyn Iterator<Item = Result<Row>> + Send>;

/// Opens `input`, which is written in `format`, for rows of `shape`; `columns` names the columns where it has any.
///
/// # Errors
/// A usage fault where the format cannot hold such rows. An input fault that names the file, here and from the
/// iterator, which also names the line and the column.
pub fn open(input: Input, format: FileFormat, columns: &FileColumns, shape: ExampleShape) -> Result<Rows> {
    open_tagged(input, format, columns, shape, TagNames::default())
}

/// How the tags of tokens are written, where a file has such.
#[derive(Debug, Clone, Default)]
pub struct TagNames {
    /// Absent: as the first tag with B or I shows.
    pub scheme: Option<TagScheme>,
    /// In the order of their numbers, where the file has numbers and no names. Empty: none are known.
    pub names: Vec<String>,
}

/// The same, where tags may be written as `tags` says.
///
/// # Errors
/// As of [`open`].
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
        check_writing(&input, format, &read_columns)?;
    }
    match format {
        FileFormat::Conll => Ok(Box::new(conll::rows(input, Unit::Word, Layout::Ends, scheme)?)),
        FileFormat::CharacterConll => {
            Ok(Box::new(conll::rows(input, Unit::Character, Layout::Ends, scheme)?))
        }
        FileFormat::Conllu => {
            let layout = Layout::universal(columns.ner_tags.as_deref())?;
            Ok(Box::new(conll::rows(input, Unit::Word, layout, scheme)?))
        }
        format => read(input, format, read_columns.with_tags(columns, tags)),
    }
}

/// Opens `input` for `texts` alone, of which a file need not say what is true. Columns have the names of
/// [`Texts::columns`], and `example_id` where there is one; of plain text every line counts, and a tab stands
/// between two texts.
///
/// # Errors
/// As of [`open`].
pub fn open_texts(input: Input, format: FileFormat, texts: Texts) -> Result<Rows> {
    let shape = ExampleShape { texts, truth: TruthKind::Nothing };
    let columns = Columns::of_texts(&input.shown, texts)?;
    match format {
        FileFormat::Text => Ok(Box::new(text::lines(input, texts)?)),
        format => {
            ensure!(can_hold(format, shape), Fault::usage(format!("{} holds no texts alone", input.shown)));
            read(input, format, columns)
        }
    }
}

fn read(input: Input, format: FileFormat, columns: Columns) -> Result<Rows> {
    let columns = columns.with_label_separator(input.writing.label_separator.clone());
    check_writing(&input, format, &columns)?;
    Ok(match format {
        FileFormat::Tsv | FileFormat::Csv => table(input, format, columns)?,
        FileFormat::Jsonl => Box::new(jsonl::JsonRows::open(input, columns)?),
        FileFormat::Parquet => Box::new(parquet::ParquetRows::open(&input, columns)?),
        FileFormat::Conll | FileFormat::CharacterConll | FileFormat::Conllu => {
            bail!(Fault::usage(format!("{} holds no texts alone", input.shown)))
        }
        FileFormat::Json => Box::new(json::ObjectRows::open(json::reader(input)?, columns)?),
        FileFormat::Squad => squad::rows(input, columns)?,
        FileFormat::Text => Box::new(text::documents(input)?),
    })
}

/// # Errors
/// A usage fault where the config says how the file is written, and its format has no such choice.
fn check_writing(input: &Input, format: FileFormat, columns: &Columns) -> Result<()> {
    let is_table = matches!(format, FileFormat::Tsv | FileFormat::Csv);
    let Writing { separator, quote, .. } = input.writing;
    let only =
        |what: &str| Fault::usage(format!("{what} for the formats tsv and csv alone: {}", input.shown));
    ensure!(is_table || separator.is_none(), only("`fetch.files.separator` is"));
    ensure!(is_table || quote.is_none(), only("`fetch.files.quote` is"));
    ensure!(is_table || columns.header() == HeaderLine::There, only("numbers of columns are"));
    let encoded = input.writing.encoding != Encoding::Utf8 && format == FileFormat::Parquet;
    ensure!(!encoded, Fault::usage(format!("`fetch.files.encoding` is for text files: {}", input.shown)));
    Ok(())
}

/// A table in the way in which `input` is written, by default that of its `format`.
fn table(input: Input, format: FileFormat, columns: Columns) -> Result<Rows> {
    let (separator, quote) = match format {
        FileFormat::Csv => (',', Quote::Csv),
        _ => ('\t', Quote::None),
    };
    let separator = input.writing.separator.unwrap_or(separator);
    Ok(match input.writing.quote.unwrap_or(quote) {
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

/// The names of the formats that can hold rows of `shape`, as the config has them.
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
