//! JSON Lines: one object a line.

use anyhow::{Context, Result, anyhow};
use serde_json::{Map, Value};
use shared::config::FileColumns;
use shared::fault::Fault;

use super::lines::Lines;
use super::{Place, Row};
use crate::raw::RawFile;

pub(super) struct JsonRows {
    lines: Lines,
    columns: FileColumns,
    shown: String,
}

impl JsonRows {
    pub(super) fn open(file: &RawFile, columns: &FileColumns) -> Result<JsonRows> {
        Ok(JsonRows { lines: Lines::open(file)?, columns: columns.clone(), shown: file.shown.clone() })
    }

    fn row(&self, number: u64, line: &str) -> Result<Row> {
        let place = Place::Line(number);
        let broken = || Fault::input(format!("{}, {place}: the line is no JSON object", self.shown));
        let object: Map<String, Value> = serde_json::from_str(line).with_context(broken)?;
        let name = |column: &str| {
            let value = self.value(&object, place, column)?;
            self.string_or_integer(value, place, column)
        };
        let text = self.value(&object, place, &self.columns.text)?;
        Ok(Row {
            place,
            id: self.columns.id.as_deref().map(name).transpose()?,
            text: text
                .as_str()
                .with_context(|| self.mistyped(place, &self.columns.text, "a string"))?
                .to_owned(),
            label: name(&self.columns.label)?,
        })
    }

    fn value<'a>(&self, object: &'a Map<String, Value>, place: Place, column: &str) -> Result<&'a Value> {
        let missing = || Fault::input(format!("{}, {place}: the column `{column}` is missing", self.shown));
        object.get(column).filter(|value| !value.is_null()).with_context(missing)
    }

    fn string_or_integer(&self, value: &Value, place: Place, column: &str) -> Result<String> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
            _ => Err(anyhow!(self.mistyped(place, column, "a string or an integer"))),
        }
    }

    fn mistyped(&self, place: Place, column: &str, wanted: &str) -> Fault {
        Fault::input(format!("{}, {place}: the column `{column}` is not {wanted}", self.shown))
    }
}

impl Iterator for JsonRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        Some(line.and_then(|(number, line)| self.row(number, &line)))
    }
}
