//! Tab-separated files with a header line. Quotes are ordinary characters.

use anyhow::{Context, Result};

use super::columns::Columns;
use super::header::{Header, empty_file};
use super::lines::{Blank, Lines};
use super::{Input, Place, Row};

pub(super) struct TsvRows {
    lines: Lines,
    header: Header,
}

impl TsvRows {
    pub(super) fn open(input: Input, columns: Columns) -> Result<TsvRows> {
        let mut lines = Lines::open(input)?;
        let (_, names) = lines.filled(Blank::LeftOut)?.with_context(|| empty_file(&columns.shown))?;
        let names = names.split('\t').map(str::to_owned).collect();
        Ok(TsvRows { header: Header::find(names, columns)?, lines })
    }
}

impl Iterator for TsvRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let blank = if self.header.width() == 1 { Blank::Doubtful } else { Blank::LeftOut };
        let line = self.lines.filled(blank).transpose()?;
        Some(line.and_then(|(number, line)| {
            self.header.row(Place::Line(number), &line.split('\t').collect::<Vec<_>>())
        }))
    }
}
