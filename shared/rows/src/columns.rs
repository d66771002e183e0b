//! Which columns make an example, and rows made of what stands in them.

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::{Map, Value};
use shared::config::FileColumns;
use shared::fault::Fault;
use shared::names::listed;
use shared::schema::column::{EXAMPLE_ID, ID, IS_IMPOSSIBLE};
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};
use shared::spelling::composed;

use super::values::{self, Wanted};
use super::{Place, Row};

pub(super) struct Columns {
    pub(super) shown: String,
    id: Option<Id>,
    text: String,
    text_pair: Option<String>,
    truth: Option<(TruthKind, String)>,
    /// Of answers, what may say that a question has none.
    impossible: Option<&'static str>,
    /// What to do where one is missing.
    advice: &'static str,
}

enum Id {
    Required(String),
    /// Of a file whose rows are numbered where it has no such column.
    IfThere(String),
}

impl Id {
    fn column(&self) -> &str {
        match self {
            Id::Required(column) | Id::IfThere(column) => column,
        }
    }
}

impl Columns {
    /// By the names that the config has for those of a corpus.
    pub(super) fn of_corpus(shown: &str, columns: &FileColumns, shape: ExampleShape) -> Columns {
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
            id: columns.id.clone().map(Id::Required),
            text: text.clone(),
            text_pair: text_pair.cloned(),
            truth: truth.map(|column| (shape.truth, column.clone())),
            impossible: (shape.truth == TruthKind::Answers).then_some(IS_IMPOSSIBLE),
            advice: "name its columns in `fetch.files.columns`",
        }
    }

    /// Of texts of which the file does not say what is true.
    pub(super) fn of_texts(shown: &str, texts: Texts) -> Columns {
        let shape = ExampleShape { texts, truth: TruthKind::Nothing };
        let id = Some(Id::IfThere(EXAMPLE_ID.to_owned()));
        let advice = "rename the one that holds it";
        Columns { id, advice, ..Columns::of_corpus(shown, &FileColumns::default(), shape) }
    }

    /// The same, where a file of questions tells their ids without being asked for them.
    pub(super) fn with_ids_where_there_are(self) -> Columns {
        let id = self.id.or_else(|| Some(Id::IfThere(ID.to_owned())));
        Columns { id, ..self }
    }

    /// Leaves out what a file with the columns `names` lacks and may lack.
    ///
    /// # Errors
    /// An input fault where it lacks another, or has two of the same name.
    pub(super) fn fit<N: AsRef<str>>(&mut self, names: &[N]) -> Result<()> {
        let count = |column: &str| names.iter().filter(|name| is_named(name.as_ref(), column)).count();
        self.id = self.id.take().filter(|id| matches!(id, Id::Required(_)) || count(id.column()) > 0);
        self.impossible = self.impossible.filter(|column| count(column) > 0);
        for column in self.names() {
            let twice = || Fault::input(format!("{} has two columns `{column}`; rename one", self.shown));
            match count(column) {
                0 => bail!(self.no_such_column(column, names)),
                count => ensure!(count == 1, twice()),
            }
        }
        Ok(())
    }

    /// In the order in which [`Columns::row`] takes what stands in them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let truth = self.truth.as_ref().map(|(_, column)| column.as_str());
        let texts = std::iter::once(self.text.as_str()).chain(self.text_pair.as_deref());
        self.id.as_ref().map(Id::column).into_iter().chain(texts).chain(truth).chain(self.impossible)
    }

    /// The row of `values`, which stand at `place`.
    ///
    /// # Errors
    /// An input fault that names the column which is missing or holds something else.
    pub(super) fn row(&self, place: Place, values: impl IntoIterator<Item = Value>) -> Result<Row> {
        let mut values = values.into_iter();
        let id = match (&self.id, self.id.as_ref().and_then(|_| values.next())) {
            (None, _) | (Some(Id::IfThere(_)), None | Some(Value::Null)) => None,
            (Some(id), value) => Some(self.read(place, id.column(), value, values::name)?),
        };
        let text = self.read(place, &self.text, values.next(), values::text)?;
        let text_pair = match &self.text_pair {
            Some(column) => Some(self.read(place, column, values.next(), values::text)?),
            None => None,
        };
        let truth = match &self.truth {
            Some((kind, column)) => {
                let truth = values.next();
                if self.is_impossible(place, values.next())? {
                    Truth::Answers(Vec::new())
                } else {
                    self.read(place, column, truth, |value| values::truth(*kind, value))?
                }
            }
            None => Truth::Unknown,
        };
        Ok(Row { place, id, text, text_pair, truth })
    }

    /// The row of `object`, which stands at `place`.
    ///
    /// # Errors
    /// As of [`Columns::row`].
    pub(super) fn object_row(&self, place: Place, object: &Map<String, Value>) -> Result<Row> {
        let value = |column: &str| {
            let alike = || Some(object.iter().find(|(key, _)| is_named(key, column))?.1);
            object.get(column).or_else(alike).cloned().unwrap_or_default()
        };
        self.row(place, self.names().map(value))
    }

    fn is_impossible(&self, place: Place, value: Option<Value>) -> Result<bool> {
        match (self.impossible, value) {
            (None, _) | (Some(_), None | Some(Value::Null)) => Ok(false),
            (Some(column), value) => self.read(place, column, value, values::flag),
        }
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

    fn no_such_column<N: AsRef<str>>(&self, column: &str, names: &[N]) -> Fault {
        let names = listed(names);
        let Columns { shown, advice, .. } = self;
        Fault::input(format!("{shown} has no column `{column}`, only {names}; {advice}"))
    }
}

/// Whether `name`, as a file writes it, is the name of `column`; macOS writes Hangul in another Unicode form.
pub(super) fn is_named(name: &str, column: &str) -> bool {
    name == column || !column.is_ascii() && composed(name) == composed(column)
}
