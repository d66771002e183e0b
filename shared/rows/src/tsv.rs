//! Tables in which quotes are ordinary characters: one row per line, and a separator between two columns.

use anyhow::{Context, Result, anyhow};
use shared::fault::Fault;

use super::columns::{Columns, HeaderLine};
use super::header::{Header, empty_file};
use super::input::ConfigKeys;
use super::lines::{BlankLines, Lines};
use super::{Input, Place, Row};

/// The rows of a table without quoting.
pub(super) struct TsvRows {
    lines: Lines,
    header: Header,
    separator: char,
    /// The first line with its number, where it is a row and has not been returned.
    first: Option<(u64, String)>,
    quoted: QuotedFields,
}

/// Counts the fields that look quoted.
struct QuotedFields {
    count: u64,
    shown: String,
    config_keys: ConfigKeys,
}

impl TsvRows {
    pub(super) fn open(input: Input, separator: char, columns: Columns) -> Result<TsvRows> {
        let quoted =
            QuotedFields { count: 0, shown: input.shown.clone(), config_keys: input.dialect.config_keys };
        let mut lines = Lines::open(input)?;
        let first = lines.next_non_blank(BlankLines::Skipped)?.with_context(|| empty_file(&columns.shown))?;
        let names = first.1.split(separator).map(str::to_owned).collect();
        let first = (columns.header() == HeaderLine::Missing).then_some(first);
        Ok(TsvRows { header: Header::find(names, columns)?, lines, separator, first, quoted })
    }

    fn row(&mut self, number: u64, line: &str) -> Result<Row> {
        let fields: Vec<&str> = line.split(self.separator).collect();
        self.quoted.count += fields.iter().filter(|field| is_quoted(field)).count() as u64;
        let row = self.header.row(Place::Line(number), &fields);
        let torn = fields.len() != self.header.width() && fields.iter().any(|field| field.starts_with('"'));
        if torn && self.quoted.config_keys == ConfigKeys::FetchFiles {
            return row.map_err(|error| {
                let advice = "a field begins with a quote: if a program such as pandas wrote the file, set `fetch.files.quote` to \"csv\"";
                anyhow!(Fault::input(format!("{error:#}; {advice}")))
            });
        }
        row
    }
}

/// Returns whether `field` is quoted by RFC 4180, which doubles every quote inside the field.
fn is_quoted(field: &str) -> bool {
    let inner = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.replace("\"\"", "").contains('"'))
}

impl QuotedFields {
    /// Logs a warning where fields look quoted and a config key can change how they are read.
    fn warn(&mut self) {
        if self.count > 0 && self.config_keys == ConfigKeys::FetchFiles {
            log::warn!(
                "{}: {} fields are in quotes, which are read as part of the text; if a program such as pandas wrote the \
                 file, set `fetch.files.quote` to \"csv\"",
                self.shown,
                self.count
            );
        }
        self.count = 0;
    }
}

impl Iterator for TsvRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let blank = if self.header.width() == 1 { BlankLines::OnlyAtEnd } else { BlankLines::Skipped };
        let line =
            self.first.take().map_or_else(|| self.lines.next_non_blank(blank), |first| Ok(Some(first)));
        if let Ok(None) = line {
            self.quoted.warn();
        }
        Some(line.transpose()?.and_then(|(number, line)| self.row(number, &line)))
    }
}
