//! A text file line by line, with errors that name the line.

use std::io::{BufRead, Read};

use anyhow::{Context, Result, bail, ensure};
use shared::fault::Fault;

use super::encoding::not_utf8;
use super::input::Origin;
use super::{Input, decompressed};

/// A longer line is no text for a model, and would have to be held whole.
const MOST_BYTES: u64 = 1 << 26;

/// What a blank line is between others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// No row, as in CSV.
    LeftOut,
    /// A row whose only field is empty, or none.
    Doubtful,
}

/// Lines without their ends. A byte order mark before the first is dropped, as is the CR of a CRLF; all else is kept.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    shown: String,
    number: u64,
    origin: Origin,
}

impl Lines {
    pub(super) fn open(input: Input) -> Result<Lines> {
        let (shown, origin) = (input.shown.clone(), input.writing.origin);
        Ok(Lines { shown, reader: decompressed::open(input)?, number: 0, origin })
    }

    /// The next line, blank or not.
    pub(super) fn read(&mut self) -> Result<Option<(u64, String)>> {
        let mut bytes = Vec::new();
        let context = || format!("cannot read {}", self.shown);
        let mut limited = self.reader.by_ref().take(MOST_BYTES);
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
            .map_err(|error| not_utf8(&self.shown, self.number, error.as_bytes(), self.origin))?;
        if self.number == 1 && line.starts_with('\u{feff}') {
            line.remove(0);
        }
        Ok(Some((self.number, line)))
    }

    /// The next line that is not blank.
    ///
    /// # Errors
    /// An input fault where blank lines may stand at the end only, and stand before it.
    pub(super) fn filled(&mut self, blank: Blank) -> Result<Option<(u64, String)>> {
        let mut first = None;
        while let Some((number, line)) = self.read()? {
            match (is_blank(&line), first) {
                (false, Some(number)) if blank == Blank::Doubtful => bail!(blank_line(&self.shown, number)),
                (false, _) => return Ok(Some((number, line))),
                (true, _) => first = first.or(Some(number)),
            }
        }
        Ok(None)
    }
}

fn too_long(shown: &str, number: u64) -> Fault {
    Fault::input(format!("{shown}, line {number}: the line is longer than {} MiB", MOST_BYTES >> 20))
}

fn blank_line(shown: &str, number: u64) -> Fault {
    Fault::input(format!("{shown}, line {number}: the line is blank, and rows follow it; remove it"))
}

/// Spaces at most: a tab stands between two columns, which may be empty.
pub(super) fn is_blank(line: &str) -> bool {
    line.trim_matches(' ').is_empty()
}
