//! The columns that make an example, and the conversion of their values to rows.

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::{Map, Value};
use shared::config::{Column, FileColumns, LabelColumns};
use shared::fault::Fault;
use shared::names::listed;
use shared::schema::column::{EXAMPLE_ID, ID, IS_IMPOSSIBLE};
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};
use shared::spelling::composed;

use super::tokens::{self, TokenColumns};
use super::values::{self, Expected};
use super::{Place, Row, TagNames};

/// The default separator between the labels of a table's field.
const LABEL_SEPARATOR: &str = "|";

/// The names of the columns that are read.
pub(super) struct Columns {
    /// The name of the file in messages.
    pub(super) shown: String,
    id: Option<Id>,
    text: String,
    text_pair: Option<String>,
    truth: Option<TruthColumns>,
    header: HeaderLine,
    /// The optional column that says whether a question has no answer.
    impossible: Option<&'static str>,
    /// The separator between the labels of a field.
    label_separator: String,
    /// The columns of words and their tags, which replace the columns of texts and entities in a file without these.
    words: Option<TokenColumns>,
    /// The advice to users for a missing column.
    advice: &'static str,
}

/// The columns that hold the truth of a row.
enum TruthColumns {
    /// One column with values of this kind.
    One { kind: TruthKind, column: String },
    /// One column for each label, with 0 or 1.
    OneHot(Vec<String>),
}

impl TruthColumns {
    fn names(&self) -> &[String] {
        match self {
            TruthColumns::One { column, .. } => std::slice::from_ref(column),
            TruthColumns::OneHot(columns) => columns,
        }
    }
}

/// The presence of a table's first line with the names of its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderLine {
    Present,
    /// There is none, and the names of columns are their numbers.
    Missing,
}

/// The column of ids.
enum Id {
    Required(String),
    /// A file may lack this column; its rows have no ids then.
    Optional(String),
}

impl Id {
    fn column(&self) -> &str {
        match self {
            Id::Required(column) | Id::Optional(column) => column,
        }
    }
}

impl Columns {
    /// The columns of a corpus with rows of `shape`, by their names or numbers in the config.
    ///
    /// # Errors
    /// A usage fault where the config mixes names and numbers.
    pub(super) fn of_corpus(shown: &str, columns: &FileColumns, shape: ExampleShape) -> Result<Columns> {
        let (text, text_pair) = match shape.texts {
            Texts::One => (&columns.text, None),
            Texts::Pair => (&columns.text, Some(&columns.text_pair)),
            Texts::QuestionInContext => (&columns.question, Some(&columns.context)),
        };
        let truth = match (shape.truth, &columns.labels) {
            (TruthKind::Nothing, _) | (TruthKind::Labels, LabelColumns::OneHot(_)) => None,
            (TruthKind::Label, _) => Some(&columns.label),
            (TruthKind::Labels, LabelColumns::One(column)) => Some(column),
            (TruthKind::Score, _) => Some(&columns.score),
            (TruthKind::Entities, _) => Some(&columns.entities),
            (TruthKind::Answers, _) => Some(&columns.answers),
        };
        let one = |column: &Column| TruthColumns::One { kind: shape.truth, column: column.name() };
        let one_hot = match (shape.truth, &columns.labels) {
            (TruthKind::Labels, LabelColumns::OneHot(labels)) => Some(TruthColumns::OneHot(labels.clone())),
            _ => None,
        };
        let used = [columns.id.as_ref(), Some(text), text_pair, truth].into_iter().flatten();
        Ok(Columns {
            shown: shown.to_owned(),
            header: header_line(used, one_hot.is_some())?,
            id: columns.id.as_ref().map(|id| Id::Required(id.name())),
            text: text.name(),
            text_pair: text_pair.map(Column::name),
            truth: truth.map(one).or(one_hot),
            impossible: (shape.truth == TruthKind::Answers).then_some(IS_IMPOSSIBLE),
            label_separator: LABEL_SEPARATOR.to_owned(),
            words: None,
            advice: "name its columns in `fetch.files.columns`",
        })
    }

    /// The presence of a header line in a table with these columns.
    pub(super) fn header(&self) -> HeaderLine {
        self.header
    }

    /// Allows words with tags in place of texts with entities, if the rows have entities.
    pub(super) fn with_tags(mut self, columns: &FileColumns, tags: TagNames) -> Columns {
        let entities = matches!(self.truth, Some(TruthColumns::One { kind: TruthKind::Entities, .. }));
        self.words = entities.then(|| TokenColumns::new(columns, tags));
        self
    }

    /// Switches to words and tags in a file that has them and has no column of entities.
    fn choose(&mut self, has: impl Fn(&str) -> bool) {
        let (Some(TruthColumns::One { column: truth, .. }), Some(words)) = (&mut self.truth, &mut self.words)
        else {
            return;
        };
        if words.read || has(truth) || !has(&words.tokens) {
            return;
        }
        words.read = true;
        self.text.clone_from(&words.tokens);
        truth.clone_from(&words.tags);
    }

    /// The columns of texts without labels.
    pub(super) fn of_texts(shown: &str, texts: Texts) -> Result<Columns> {
        let shape = ExampleShape { texts, truth: TruthKind::Nothing };
        let id = Some(Id::Optional(EXAMPLE_ID.to_owned()));
        let advice = "rename the one that holds it";
        Ok(Columns { id, advice, ..Columns::of_corpus(shown, &FileColumns::default(), shape)? })
    }

    /// Reads the ids of questions from `id` where the config names no column of ids.
    pub(super) fn with_optional_ids(self) -> Columns {
        let id = self.id.or_else(|| Some(Id::Optional(ID.to_owned())));
        Columns { id, ..self }
    }

    /// Sets the separator between the labels of a field; none is the default.
    pub(super) fn with_label_separator(self, separator: Option<String>) -> Columns {
        Columns { label_separator: separator.unwrap_or_else(|| LABEL_SEPARATOR.to_owned()), ..self }
    }

    /// Adapts the columns to a file with the columns `names`: optional columns that it lacks are dropped.
    ///
    /// # Errors
    /// An input fault where the file lacks a required column, or has two columns of one name.
    pub(super) fn fit<N: AsRef<str>>(&mut self, names: &[N]) -> Result<()> {
        self.choose(|column| names.iter().any(|name| is_named(name.as_ref(), column)));
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

    /// The column of labels or of the tags of words, if there is one.
    pub(super) fn classes(&self) -> Option<&str> {
        match (&self.truth, &self.words) {
            (Some(TruthColumns::One { kind: TruthKind::Label | TruthKind::Labels, column }), _) => {
                Some(column)
            }
            (Some(TruthColumns::One { kind: TruthKind::Entities, column }), Some(words)) if words.read => {
                Some(column)
            }
            _ => None,
        }
    }

    /// The names of the columns, in the order in which [`Columns::row`] takes their values.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let truth = self.truth.iter().flat_map(TruthColumns::names).map(String::as_str);
        let texts = std::iter::once(self.text.as_str()).chain(self.text_pair.as_deref());
        self.id.as_ref().map(Id::column).into_iter().chain(texts).chain(truth).chain(self.impossible)
    }

    /// The row with these `values` at `place`.
    ///
    /// # Errors
    /// An input fault that names the column whose value is missing or of another kind.
    pub(super) fn row(&self, place: Place, values: impl IntoIterator<Item = Value>) -> Result<Row> {
        let mut values = values.into_iter();
        let id = match (&self.id, self.id.as_ref().and_then(|_| values.next())) {
            (None, _) | (Some(Id::Optional(_)), None | Some(Value::Null)) => None,
            (Some(id), value) => Some(self.read(place, id.column(), value, values::name)?),
        };
        if let Some(words) = self.words.as_ref().filter(|words| words.read) {
            let tokens = self.read(place, &self.text, values.next(), tokens::list)?;
            let tags = self.read(place, &words.tags, values.next(), tokens::list)?;
            let (text, entities) = words
                .tagged(&tokens, &tags)
                .map_err(|error| anyhow!(Fault::input(format!("{}, {place}: {error:#}", self.shown))))?;
            return Ok(Row { place, id, text, text_pair: None, truth: Truth::Entities(entities) });
        }
        let text = self.read(place, &self.text, values.next(), values::text)?;
        let text_pair = match &self.text_pair {
            Some(column) => Some(self.read(place, column, values.next(), values::text)?),
            None => None,
        };
        let truth = match &self.truth {
            Some(TruthColumns::One { kind, column }) => {
                let truth = values.next();
                if self.is_impossible(place, values.next())? {
                    Truth::Answers(Vec::new())
                } else {
                    let separator = &self.label_separator;
                    self.read(place, column, truth, |value| values::truth(*kind, value, separator))?
                }
            }
            Some(TruthColumns::OneHot(labels)) => {
                let mut held = Vec::new();
                for label in labels {
                    if self.read(place, label, values.next(), values::indicator)? {
                        held.push(label.clone());
                    }
                }
                Truth::Labels(held)
            }
            None => Truth::Unknown,
        };
        Ok(Row { place, id, text, text_pair, truth })
    }

    /// The row of the `object` at `place`.
    ///
    /// # Errors
    /// As for [`Columns::row`].
    pub(super) fn object_row(&mut self, place: Place, object: &Map<String, Value>) -> Result<Row> {
        self.choose(|column| object.contains_key(column));
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
        convert: impl FnOnce(Value) -> Result<T, Expected>,
    ) -> Result<T> {
        let value = value.unwrap_or_default();
        let fault =
            |what: &str| Fault::input(format!("{}, {place}: the column `{column}` is {what}", self.shown));
        ensure!(!value.is_null(), fault("missing or null"));
        convert(value).map_err(|wanted| anyhow!(fault(&format!("not {wanted}"))))
    }

    fn no_such_column<N: AsRef<str>>(&self, column: &str, names: &[N]) -> Fault {
        let names = listed(names);
        let Columns { shown, advice, .. } = self;
        Fault::input(format!("{shown} has no column `{column}`, only {names}; {advice}"))
    }
}

/// Finds whether the `used` columns are named by a header line or numbered. One-hot labels always have names.
///
/// # Errors
/// A usage fault where names and numbers are mixed, or a number is 0.
fn header_line<'a>(used: impl Iterator<Item = &'a Column>, one_hot: bool) -> Result<HeaderLine> {
    let (mut named, mut numbered) = (one_hot.then(|| "labels".to_owned()), None);
    for column in used {
        match column {
            Column::Number(number) => numbered = Some(*number),
            Column::Name(name) => named = named.or(Some(name.clone())),
        }
    }
    match (named, numbered) {
        (_, None) => Ok(HeaderLine::Present),
        (None, Some(number)) => {
            ensure!(
                number > 0,
                Fault::usage("config keys `fetch.files.columns` number columns from 1 on, not 0")
            );
            Ok(HeaderLine::Missing)
        }
        (Some(name), Some(number)) => bail!(Fault::usage(format!(
            "`fetch.files.columns` has the number {number} and the name `{name}`; a file without a header line has \
             numbers for every column that the task reads, any other file names"
        ))),
    }
}

/// Returns whether a file's column `name` is `column`. Unicode forms may differ: macOS writes Hangul decomposed.
pub(super) fn is_named(name: &str, column: &str) -> bool {
    name == column || !column.is_ascii() && composed(name) == composed(column)
}
