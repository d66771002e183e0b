//! Lines of a text of any size.

use std::io::{BufRead, Read};

use anyhow::{Context, Result, ensure};
use shared::fault::Fault;

/// A longer line is no text for a model, and would have to be held whole.
const MOST_BYTES: u64 = 1 << 26;
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Lines with their numbers from 1, without their ends.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    /// What is read, for messages.
    shown: String,
    number: u64,
}

impl Lines {
    pub(super) fn new(reader: Box<dyn BufRead + Send>, shown: String) -> Lines {
        Lines { reader, shown, number: 0 }
    }

    /// Where the last line was.
    pub(super) fn place(&self) -> String {
        format!("{}, line {}", self.shown, self.number)
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    fn read(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        let mut limited = self.reader.by_ref().take(MOST_BYTES);
        let count = limited.read_until(b'\n', &mut bytes);
        self.number += 1;
        if count.with_context(|| format!("cannot read {}", self.place()))? == 0 {
            return Ok(None);
        }
        let whole = bytes.len() < MOST_BYTES as usize;
        ensure!(
            whole,
            Fault::input(format!("{}: the line is longer than {} MiB", self.place(), MOST_BYTES >> 20))
        );
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        let line = String::from_utf8(bytes)
            .ok()
            .with_context(|| Fault::input(format!("{}: the line is not UTF-8", self.place())))?;
        Ok(Some(match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) if self.number == 1 => rest.to_owned(),
            _ => line,
        }))
    }
}

impl Iterator for Lines {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &'static [u8]) -> Lines {
        Lines::new(Box::new(bytes), "a.txt".into())
    }

    fn check(bytes: &'static [u8], expect: &[&str]) {
        assert_eq!(lines(bytes).collect::<Result<Vec<_>>>().unwrap(), expect);
    }

    #[test]
    fn ends_of_lines_and_a_byte_order_mark_are_no_text() {
        check(b"", &[]);
        check(b"a\r\n\nb", &["a", "", "b"]);
        check("\u{feff}가\n\u{feff}".as_bytes(), &["가", "\u{feff}"]);
    }

    #[test]
    fn what_is_not_utf_8_is_named() {
        let error = lines(b"a\n\xff\n").collect::<Result<Vec<_>>>().unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert_eq!(format!("{error:#}"), "a.txt, line 2: the line is not UTF-8");
    }
}
