//! A text file line by line, with errors that name the line.

use std::io::{BufRead, Read};

use anyhow::{Context, Result, bail, ensure};
use shared::fault::Fault;

use super::encoding::not_utf8;
use super::input::ConfigKeys;
use super::{Input, decompressed};

/// The maximum length of a line in bytes. A line is held in memory whole, and no text for a model is this long.
const MAX_LINE_BYTES: u64 = 1 << 26;

/// The rule for blank lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlankLines {
    /// They are no rows, as in CSV.
    Skipped,
    /// They are refused before another row, where each may be a row with an empty field.
    OnlyAtEnd,
}

/// The lines of a text without their LF or CRLF. A byte order mark before the first is dropped.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    shown: String,
    number: u64,
    config_keys: ConfigKeys,
}

impl Lines {
    pub(super) fn open(input: Input) -> Result<Lines> {
        let (shown, config_keys) = (input.shown.clone(), input.dialect.config_keys);
        Ok(Lines { shown, reader: decompressed::open(input)?, number: 0, config_keys })
    }

    /// The next line with its number; none at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, String)>> {
        let mut bytes = Vec::new();
        let context = || format!("cannot read {}", self.shown);
        let mut limited = self.reader.by_ref().take(MAX_LINE_BYTES);
        if limited.read_until(b'\n', &mut bytes).with_context(context)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        ensure!(limited.limit() > 0, too_long(&self.shown, self.number));
        if bytes.ends_with(b"\n") {
            bytes.pop();
        }
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
        let mut line = String::from_utf8(bytes)
            .map_err(|error| not_utf8(&self.shown, self.number, error.as_bytes(), self.config_keys))?;
        if self.number == 1 && line.starts_with('\u{feff}') {
            line.remove(0);
        }
        Ok(Some((self.number, line)))
    }

    /// The next line that is not blank, with its number; none at the end.
    ///
    /// # Errors
    /// An input fault where `blank` allows blank lines at the end only and one comes before a row.
    pub(super) fn next_non_blank(&mut self, blank: BlankLines) -> Result<Option<(u64, String)>> {
        let mut first = None;
        while let Some((number, line)) = self.next_line()? {
            match (is_blank(&line), first) {
                (false, Some(number)) if blank == BlankLines::OnlyAtEnd => {
                    bail!(blank_line(&self.shown, number))
                }
                (false, _) => return Ok(Some((number, line))),
                (true, _) => first = first.or(Some(number)),
            }
        }
        Ok(None)
    }
}

fn too_long(shown: &str, number: u64) -> Fault {
    Fault::input(format!("{shown}, line {number}: the line is longer than {} MiB", MAX_LINE_BYTES >> 20))
}

fn blank_line(shown: &str, number: u64) -> Fault {
    Fault::input(format!("{shown}, line {number}: the line is blank, and rows follow it; remove it"))
}

/// Returns whether a line has nothing but spaces. A tab is not blank: it separates two columns, which may be empty.
pub(super) fn is_blank(line: &str) -> bool {
    line.trim_matches(' ').is_empty()
}
