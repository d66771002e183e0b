//! Tables whose fields may stand in quotes, as in RFC 4180.

use std::io::{BufRead, Cursor, Read};

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::{ByteRecord, ByteRecordsIntoIter, ReaderBuilder};
use shared::fault::Fault;

use super::columns::{Columns, HeaderLine};
use super::decompressed;
use super::encoding::not_utf8;
use super::header::{Header, empty_file};
use super::input::Origin;
use super::{Input, Place, Row};

/// Characters of a field that a message shows.
const SHOWN: usize = 20;

pub(super) struct CsvRows {
    records: ByteRecordsIntoIter<Box<dyn Read + Send>>,
    /// The lines that the reader counts too few.
    uncounted: u64,
    header: Header,
    shown: String,
    origin: Origin,
}

impl CsvRows {
    pub(super) fn open(input: Input, separator: char, columns: Columns) -> Result<CsvRows> {
        let (shown, origin) = (input.shown.clone(), input.writing.origin);
        // A record that follows a CRLF is said to begin at its LF, on the line before.
        let mut first = Vec::new();
        let mut bytes = decompressed::open(input)?;
        bytes.read_until(b'\n', &mut first).with_context(|| format!("cannot read {shown}"))?;
        let uncounted = u64::from(first.ends_with(b"\r\n"));
        // A row of another length is reported by `Header`, which names the column.
        let bytes: Box<dyn Read + Send> = Box::new(Cursor::new(first).chain(bytes));
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .has_headers(columns.header() == HeaderLine::There)
            // The config takes ASCII alone.
            .delimiter(u8::try_from(separator).unwrap_or(b','))
            .from_reader(bytes);
        let names = reader.byte_headers().map_err(|error| broken(&shown, error))?;
        let names: Vec<String> = names
            .iter()
            .map(|name| text(&shown, 1, name, origin).map(str::to_owned))
            .collect::<Result<_>>()?;
        ensure!(!names.is_empty(), empty_file(&shown));
        if let Some(name) = names.iter().find(|name| name.contains('\n')) {
            bail!(Fault::input(format!("{shown}, line 1: {}", open_quote(name))));
        }
        let header = Header::find(names, columns)?;
        Ok(CsvRows { records: reader.into_byte_records(), uncounted, header, shown, origin })
    }

    fn row(&self, record: &ByteRecord) -> Result<Row> {
        let (line, byte) = record.position().map_or((0, 0), |position| (position.line(), position.byte()));
        let line = if byte == 0 { line } else { line + self.uncounted };
        let fields = record
            .iter()
            .map(|field| text(&self.shown, line, field, self.origin))
            .collect::<Result<Vec<&str>>>()?;
        self.header.row(Place::Line(line), &fields).map_err(|error| {
            match fields.iter().find(|field| field.contains('\n')) {
                Some(field) => error.context(Fault::input(open_quote(field))),
                None => error,
            }
        })
    }
}

fn text<'a>(shown: &str, line: u64, field: &'a [u8], origin: Origin) -> Result<&'a str> {
    std::str::from_utf8(field).map_err(|_| not_utf8(shown, line, field, origin))
}

/// What may be wrong with a field that holds a line break.
fn open_quote(field: &str) -> String {
    let first = field.lines().next().unwrap_or_default();
    let start: String = first.chars().take(SHOWN).collect();
    let lines = field.lines().count();
    format!(
        "the field that begins with `{start}` goes over {lines} lines; see whether the quote that opens it is closed"
    )
}

fn broken(shown: &str, error: csv::Error) -> anyhow::Error {
    anyhow!(error).context(Fault::input(format!("{shown} cannot be read as CSV")))
}

impl Iterator for CsvRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?.map_err(|error| broken(&self.shown, error));
        Some(record.and_then(|record| self.row(&record)))
    }
}
