//! Tables with quoted fields, as in RFC 4180.

use std::io::{BufRead, Cursor, Read};

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::{ByteRecord, ByteRecordsIntoIter, ReaderBuilder};
use shared::fault::Fault;

use super::columns::{Columns, HeaderLine};
use super::decompressed;
use super::encoding::not_utf8;
use super::header::{Header, empty_file};
use super::input::ConfigKeys;
use super::{Input, Place, Row};

/// The maximum number of a field's characters in a message.
const SHOWN: usize = 20;

/// The rows of a table with quoting.
pub(super) struct CsvRows {
    records: ByteRecordsIntoIter<Box<dyn Read + Send>>,
    /// The number of lines that the reader's count lacks.
    uncounted: u64,
    header: Header,
    shown: String,
    config_keys: ConfigKeys,
}

impl CsvRows {
    pub(super) fn open(input: Input, separator: char, columns: Columns) -> Result<CsvRows> {
        let (shown, config_keys) = (input.shown.clone(), input.dialect.config_keys);
        // The reader counts a record after a CRLF from the LF on, which is on the line before.
        let mut first = Vec::new();
        let mut bytes = decompressed::open(input)?;
        bytes.read_until(b'\n', &mut first).with_context(|| format!("cannot read {shown}"))?;
        let uncounted = u64::from(first.ends_with(b"\r\n"));
        // The reader takes rows of any length, since `Header` reports a wrong length and names the column.
        let bytes: Box<dyn Read + Send> = Box::new(Cursor::new(first).chain(bytes));
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .has_headers(columns.header() == HeaderLine::Present)
            // The config accepts ASCII separators only.
            .delimiter(u8::try_from(separator).unwrap_or(b','))
            .from_reader(bytes);
        let names = reader.byte_headers().map_err(|error| broken(&shown, error))?;
        let names: Vec<String> = names
            .iter()
            .map(|name| text(&shown, 1, name, config_keys).map(str::to_owned))
            .collect::<Result<_>>()?;
        ensure!(!names.is_empty(), empty_file(&shown));
        if let Some(name) = names.iter().find(|name| name.contains('\n')) {
            bail!(Fault::input(format!("{shown}, line 1: {}", open_quote(name))));
        }
        let header = Header::find(names, columns)?;
        Ok(CsvRows { records: reader.into_byte_records(), uncounted, header, shown, config_keys })
    }

    fn row(&self, record: &ByteRecord) -> Result<Row> {
        let (line, byte) = record.position().map_or((0, 0), |position| (position.line(), position.byte()));
        let line = if byte == 0 { line } else { line + self.uncounted };
        let fields = record
            .iter()
            .map(|field| text(&self.shown, line, field, self.config_keys))
            .collect::<Result<Vec<&str>>>()?;
        self.header.row(Place::Line(line), &fields).map_err(|error| {
            match fields.iter().find(|field| field.contains('\n')) {
                Some(field) => error.context(Fault::input(open_quote(field))),
                None => error,
            }
        })
    }
}

fn text<'a>(shown: &str, line: u64, field: &'a [u8], config_keys: ConfigKeys) -> Result<&'a str> {
    std::str::from_utf8(field).map_err(|_| not_utf8(shown, line, field, config_keys))
}

/// The advice for a field that holds a line break.
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
