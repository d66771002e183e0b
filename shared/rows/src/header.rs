//! The header line of a table, and the rows under it.

use anyhow::{Result, anyhow, ensure};
use serde_json::Value;
use shared::fault::Fault;

use super::columns::{Columns, HeaderLine, is_named};
use super::{Place, Row};

/// The columns of a file, and the positions of those that make an example.
pub(super) struct Header {
    names: Vec<String>,
    columns: Columns,
    /// The position in a line of every column of `columns`, counted from 0.
    places: Vec<usize>,
}

impl Header {
    /// Finds the columns by the fields of the file's `first` line.
    ///
    /// # Errors
    /// An input fault that names a column that is missing or appears twice.
    pub(super) fn find(first: Vec<String>, mut columns: Columns) -> Result<Header> {
        let names = match columns.header() {
            HeaderLine::Present => first,
            HeaderLine::Missing => (1..=first.len()).map(|number| number.to_string()).collect(),
        };
        columns.fit(&names)?;
        let place = |column: &str| names.iter().position(|name| is_named(name, column));
        let places = columns.names().filter_map(place).collect();
        Ok(Header { names, columns, places })
    }

    /// The number of columns.
    pub(super) fn width(&self) -> usize {
        self.names.len()
    }

    /// The example in the `fields` at `place`.
    ///
    /// # Errors
    /// An input fault where the number of fields is not that of the columns, or a field holds another kind of value.
    pub(super) fn row(&self, place: Place, fields: &[&str]) -> Result<Row> {
        let (expected, found, shown) = (self.names.len(), fields.len(), &self.columns.shown);
        if let Some(missing) = self.names.get(found) {
            let what = format!("the column `{missing}` is missing ({found} of {expected} columns)");
            return Err(anyhow!(Fault::input(format!("{shown}, {place}: {what}"))));
        }
        let too_many =
            || Fault::input(format!("{shown}, {place}: {found} columns where the first line has {expected}"));
        ensure!(found == expected, too_many());
        let fields = self.places.iter().map(|&at| fields.get(at).map_or(Value::Null, |&field| field.into()));
        self.columns.row(place, fields)
    }
}

/// The error for a file without any row.
pub(super) fn empty_file(shown: &str) -> Fault {
    Fault::input(format!("{shown} is empty"))
}
