//! Which columns make an example, and rows made of what stands in them.

use anyhow::{Result, anyhow, ensure};
use serde_json::Value;
use shared::config::FileColumns;
use shared::fault::Fault;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use super::values::{self, Wanted};
use super::{Place, Row};

pub(super) struct Columns {
    pub(super) shown: String,
    id: Option<String>,
    text: String,
    text_pair: Option<String>,
    truth: Option<(TruthKind, String)>,
}

impl Columns {
    pub(super) fn new(shown: &str, columns: &FileColumns, shape: ExampleShape) -> Columns {
        let (text, text_pair) = match shape.texts {
            Texts::One => (&columns.text, None),
            Texts::Pair => (&columns.text, Some(&columns.text_pair)),
            Texts::QuestionInContext => (&columns.question, Some(&columns.context)),
        };
        let truth = match shape.truth {
            TruthKind::Nothing => None,
            TruthKind::Label => Some(&columns.label),
            TruthKind::Labels => Some(&columns.labels),
            TruthKind::Score => Some(&columns.score),
            TruthKind::Entities => Some(&columns.entities),
            TruthKind::Answers => Some(&columns.answers),
        };
        Columns {
            shown: shown.to_owned(),
            id: columns.id.clone(),
            text: text.clone(),
            text_pair: text_pair.cloned(),
            truth: truth.map(|column| (shape.truth, column.clone())),
        }
    }

    /// In the order in which [`Columns::row`] takes what stands in them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let truth = self.truth.as_ref().map(|(_, column)| column.as_str());
        let texts = std::iter::once(self.text.as_str()).chain(self.text_pair.as_deref());
        self.id.as_deref().into_iter().chain(texts).chain(truth)
    }

    /// The row of `values`, which stand at `place`.
    ///
    /// # Errors
    /// An input fault that names the column which is missing or holds something else.
    pub(super) fn row(&self, place: Place, values: impl IntoIterator<Item = Value>) -> Result<Row> {
        let mut values = values.into_iter();
        let id = match &self.id {
            Some(column) => Some(self.read(place, column, values.next(), values::name)?),
            None => None,
        };
        let text = self.read(place, &self.text, values.next(), values::text)?;
        let text_pair = match &self.text_pair {
            Some(column) => Some(self.read(place, column, values.next(), values::text)?),
            None => None,
        };
        let truth = match &self.truth {
            Some((kind, column)) => {
                self.read(place, column, values.next(), |value| values::truth(*kind, value))?
            }
            None => Truth::Unknown,
        };
        Ok(Row { place, id, text, text_pair, truth })
    }

    fn read<T>(
        &self,
        place: Place,
        column: &str,
        value: Option<Value>,
        convert: impl FnOnce(Value) -> Result<T, Wanted>,
    ) -> Result<T> {
        let value = value.unwrap_or_default();
        let fault =
            |what: &str| Fault::input(format!("{}, {place}: the column `{column}` is {what}", self.shown));
        ensure!(!value.is_null(), fault("missing"));
        convert(value).map_err(|wanted| anyhow!(fault(&format!("not {wanted}"))))
    }
}

pub(super) fn no_such_column<N: AsRef<str>>(shown: &str, column: &str, names: &[N]) -> Fault {
    let names = names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ");
    Fault::input(format!(
        "{shown} has no column `{column}`, only {names}; name its columns in `fetch.files.columns`"
    ))
}
