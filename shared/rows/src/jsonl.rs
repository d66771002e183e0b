//! JSON Lines: one object a line.

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use shared::fault::Fault;

use super::columns::Columns;
use super::lines::{BlankLines, Lines};
use super::{Input, Place, Row};

/// The rows of a file in JSON Lines.
pub(super) struct JsonRows {
    lines: Lines,
    columns: Columns,
}

impl JsonRows {
    pub(super) fn open(input: Input, columns: Columns) -> Result<JsonRows> {
        Ok(JsonRows { lines: Lines::open(input)?, columns })
    }

    fn row(&mut self, number: u64, line: &str) -> Result<Row> {
        let place = Place::Line(number);
        let broken = || {
            let whole = line.trim_start().starts_with('[') || number == 1 && line.trim_end() == "{";
            let remedy =
                if whole { "; a file that is not an object a line is read in the format json" } else { "" };
            Fault::input(format!("{}, {place}: the line is no JSON object{remedy}", self.columns.shown))
        };
        let object: Map<String, Value> = serde_json::from_str(line).with_context(broken)?;
        self.columns.object_row(place, &object)
    }
}

impl Iterator for JsonRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next_non_blank(BlankLines::Skipped).transpose()?;
        Some(line.and_then(|(number, line)| self.row(number, &line)))
    }
}
