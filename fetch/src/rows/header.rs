//! The header line of a table, and the rows under it.

use anyhow::{Context, Result, anyhow, ensure};
use shared::config::FileColumns;
use shared::fault::Fault;

use super::{Place, Row};

/// The columns of a file and which of them make an example.
pub(super) struct Header {
    shown: String,
    names: Vec<String>,
    id: Option<usize>,
    text: usize,
    label: usize,
}

impl Header {
    /// # Errors
    /// An input fault that names the column that is missing.
    pub(super) fn find(shown: &str, names: Vec<String>, columns: &FileColumns) -> Result<Header> {
        let find = |column: &str| {
            let missing = || no_such_column(shown, column, &names);
            names.iter().position(|name| name == column).with_context(missing)
        };
        let id = columns.id.as_deref().map(find).transpose()?;
        let (text, label) = (find(&columns.text)?, find(&columns.label)?);
        Ok(Header { shown: shown.to_owned(), names, id, text, label })
    }

    /// The example in `fields`, which stand at `place`.
    ///
    /// # Errors
    /// An input fault where there are more or fewer fields than columns.
    pub(super) fn row(&self, place: Place, fields: &[&str]) -> Result<Row> {
        let (expected, found) = (self.names.len(), fields.len());
        if let Some(missing) = self.names.get(found) {
            let what = format!("the column `{missing}` is missing ({found} of {expected} columns)");
            return Err(anyhow!(Fault::input(format!("{}, {place}: {what}", self.shown))));
        }
        let too_many = || {
            Fault::input(format!("{}, {place}: {found} columns where the header has {expected}", self.shown))
        };
        ensure!(found == expected, too_many());
        let field = |index: usize| fields.get(index).copied().unwrap_or_default().to_owned();
        Ok(Row { place, id: self.id.map(field), text: field(self.text), label: field(self.label) })
    }
}

pub(super) fn no_such_column<N: AsRef<str>>(shown: &str, column: &str, names: &[N]) -> Fault {
    let names = names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ");
    Fault::input(format!(
        "{shown} has no column `{column}`, only {names}; name its columns in `fetch.files.columns`"
    ))
}

/// A file without a header line.
pub(super) fn empty_file(shown: &str) -> Fault {
    Fault::input(format!("{shown} is empty"))
}
