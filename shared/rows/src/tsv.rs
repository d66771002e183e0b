//! Tables in which quotes are ordinary characters: a line a row, a separator between two columns.

use anyhow::{Context, Result, anyhow};
use shared::fault::Fault;

use super::columns::{Columns, HeaderLine};
use super::header::{Header, empty_file};
use super::input::Origin;
use super::lines::{Blank, Lines};
use super::{Input, Place, Row};

pub(super) struct TsvRows {
    lines: Lines,
    header: Header,
    separator: char,
    /// The first line, where it is a row and has not been read yet.
    first: Option<(u64, String)>,
    quoted: Quoted,
}

/// Fields that look as if a program had put them in quotes.
struct Quoted {
    fields: u64,
    shown: String,
    origin: Origin,
}

impl TsvRows {
    pub(super) fn open(input: Input, separator: char, columns: Columns) -> Result<TsvRows> {
        let quoted = Quoted { fields: 0, shown: input.shown.clone(), origin: input.writing.origin };
        let mut lines = Lines::open(input)?;
        let first = lines.filled(Blank::LeftOut)?.with_context(|| empty_file(&columns.shown))?;
        let names = first.1.split(separator).map(str::to_owned).collect();
        let first = (columns.header() == HeaderLine::Missing).then_some(first);
        Ok(TsvRows { header: Header::find(names, columns)?, lines, separator, first, quoted })
    }

    fn row(&mut self, number: u64, line: &str) -> Result<Row> {
        let fields: Vec<&str> = line.split(self.separator).collect();
        self.quoted.fields += fields.iter().filter(|field| is_quoted(field)).count() as u64;
        let row = self.header.row(Place::Line(number), &fields);
        let torn = fields.len() != self.header.width() && fields.iter().any(|field| field.starts_with('"'));
        if torn && self.quoted.origin == Origin::OwnFiles {
            return row.map_err(|error| {
                let advice = "a field begins with a quote: if a program such as pandas wrote the file, set `fetch.files.quote` to \"csv\"";
                anyhow!(Fault::input(format!("{error:#}; {advice}")))
            });
        }
        row
    }
}

/// A quote within a field that RFC 4180 quotes is doubled.
fn is_quoted(field: &str) -> bool {
    let inner = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.replace("\"\"", "").contains('"'))
}

impl Quoted {
    /// The config's key would be of no use for a registered corpus.
    fn warn(&mut self) {
        if self.fields > 0 && self.origin == Origin::OwnFiles {
            log::warn!(
                "{}: {} fields stand in quotes, which are read as part of them; if a program such as pandas wrote the \
                 file, set `fetch.files.quote` to \"csv\"",
                self.shown,
                self.fields
            );
        }
        self.fields = 0;
    }
}

impl Iterator for TsvRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let blank = if self.header.width() == 1 { Blank::Doubtful } else { Blank::LeftOut };
        let line = self.first.take().map_or_else(|| self.lines.filled(blank), |first| Ok(Some(first)));
        if let Ok(None) = line {
            self.quoted.warn();
        }
        Some(line.transpose()?.and_then(|(number, line)| self.row(number, &line)))
    }
}
