//! Own files in place of a registered corpus.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;
use crate::schema::{TruthKind, column};
use crate::spelling;

/// Own files: one a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// The file of the train split.
    pub train: PathBuf,
    /// Absent: `fetch.dev_fraction` of train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<PathBuf>,
    /// Absent: `fetch.test_fraction` of train, or there is nothing to evaluate on but dev.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Absent: by the file's extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    #[serde(default)]
    /// The names of the columns.
    pub columns: FileColumns,
    /// The labels, or classes of entities, in the order of their ids. Absent: those of `label_names`, or of the ClassLabel
    /// column of a Parquet file, else those that stand in train, sorted, numbers by their values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// The name of each label in the files: a list by the ids 0, 1, 2…, a map `{ "-1" = "negative", "1" = "positive" }`, or a
    /// file with a name a line or one of these as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_names: Option<LabelNames>,
    /// The separator of a table's columns. Absent: a tab in `tsv`, a comma in `csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// The meaning of quotes in a table. Absent: `none` in `tsv`, `csv` in `csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
    /// The separator of two labels in a field of a table. Absent: `|`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<String>,
    /// The character encoding of text files.
    #[serde(default, skip_serializing_if = "Encoding::is_default")]
    pub encoding: Encoding,
}

/// The format of own files. All but Parquet may be compressed by gzip or zstd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Tab-separated with a header line; quotes are ordinary characters.
    Tsv,
    /// Comma-separated with a header line and RFC 4180 quoting.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// One JSON array of objects, or one object after the other.
    Json,
    /// Apache Parquet.
    Parquet,
    /// A word and its tag a line, a blank line after each sentence; words are joined by single spaces.
    Conll,
    /// A character and its tag a line, spaces included, as in KLUE-NER.
    CharacterConll,
    /// CoNLL-U: ten columns with tabs between them; the tag is the universal part of speech, or the column whose number
    /// `columns.ner_tags` gives.
    Conllu,
    /// SQuAD's JSON, of version 1 or 2, or a JSON array of questions.
    Squad,
    /// A text a line.
    Text,
}

impl FileFormat {
    /// The format of a file with this `extension` that holds `truth`.
    pub fn of_extension(extension: &str, truth: TruthKind) -> Option<FileFormat> {
        Some(match (extension.to_ascii_lowercase().as_str(), truth) {
            // In KLUE's corpora such a file has no header.
            ("tsv", TruthKind::Entities) => return None,
            ("txt", TruthKind::Nothing) => FileFormat::Text,
            ("tsv" | "txt", _) => FileFormat::Tsv,
            ("csv", _) => FileFormat::Csv,
            ("jsonl" | "ndjson", _) => FileFormat::Jsonl,
            ("parquet", _) => FileFormat::Parquet,
            ("conll", _) => FileFormat::Conll,
            ("conllu", _) => FileFormat::Conllu,
            ("json", TruthKind::Answers) => FileFormat::Squad,
            ("json", _) => FileFormat::Json,
            _ => return None,
        })
    }
}

/// The meaning of quotes in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quote {
    /// They are ordinary characters.
    None,
    /// A field may stand in them, and a quote in it is doubled (RFC 4180). pandas writes tables so, whatever separates
    /// their columns.
    Csv,
}

/// A character encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    /// UTF-8.
    Utf8,
    /// Korean Windows; EUC-KR is a part of it.
    #[serde(rename = "cp949", alias = "euc-kr")]
    Cp949,
    /// In the byte order that its mark tells, else little-endian: Excel's "Unicode text".
    #[serde(rename = "utf-16")]
    Utf16,
}

impl Encoding {
    fn is_default(&self) -> bool {
        *self == Encoding::default()
    }
}

/// Names of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LabelNames {
    /// The names of the ids 0, 1, 2…
    Listed(Vec<String>),
    /// Names by the values in the files.
    Mapped(BTreeMap<String, String>),
    /// Names in a file.
    File(PathBuf),
}

/// A column of a table by its name, or by its number from 1 on in a file without a header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// The number of a column, from 1.
    Number(u32),
    /// The name of a column.
    Name(String),
}

impl Column {
    /// The name; that of a numbered column is its number.
    pub fn name(&self) -> String {
        match self {
            Column::Number(number) => number.to_string(),
            Column::Name(name) => name.clone(),
        }
    }
}

impl From<&str> for Column {
    fn from(name: &str) -> Column {
        Column::Name(name.to_owned())
    }
}

/// The column with all labels of a text, or a column for each label, which holds 1 where the text has it and else 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LabelColumns {
    /// A column with all labels of a text.
    One(Column),
    /// A column for each label.
    OneHot(Vec<String>),
}

impl From<&str> for LabelColumns {
    fn from(name: &str) -> LabelColumns {
        LabelColumns::One(name.into())
    }
}

/// The columns in own files; a task reads those that it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileColumns {
    /// Absent: `<split>-<row>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Column>,
    /// The text, or the first of two.
    pub text: Column,
    /// The second text.
    pub text_pair: Column,
    /// The question.
    pub question: Column,
    /// The context of a question.
    pub context: Column,
    /// The label of a text.
    pub label: Column,
    /// The labels of a text.
    pub labels: LabelColumns,
    /// The score.
    pub score: Column,
    /// The entities of a text.
    pub entities: Column,
    /// The words of a text, where a file has no texts but lists of words and of their tags.
    pub tokens: String,
    /// The tags of the words. Absent: `ner_tags`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ner_tags: Option<String>,
    /// The answers to a question.
    pub answers: Column,
}

impl Default for FileColumns {
    fn default() -> Self {
        FileColumns {
            id: None,
            text: column::TEXT.into(),
            text_pair: column::TEXT_PAIR.into(),
            question: column::QUESTION.into(),
            context: column::CONTEXT.into(),
            label: column::LABEL.into(),
            labels: column::LABELS.into(),
            score: column::SCORE.into(),
            entities: column::ENTITIES.into(),
            tokens: column::TOKENS.into(),
            ner_tags: None,
            answers: column::ANSWERS.into(),
        }
    }
}

impl FilesConfig {
    /// The labels in the order of their ids, where the config lists them: as such, or as columns.
    pub fn listed_labels(&self) -> Option<&[String]> {
        match (&self.labels, &self.columns.labels) {
            (Some(labels), _) => Some(labels),
            (None, LabelColumns::OneHot(labels)) => Some(labels),
            (None, LabelColumns::One(_)) => None,
        }
    }

    pub(super) fn validate(&self, truth: TruthKind) -> Result<()> {
        self.validate_table(truth)?;
        let Some(labels) = &self.labels else { return Ok(()) };
        let key = "fetch.files.labels";
        let labelled = matches!(truth, TruthKind::Label | TruthKind::Labels | TruthKind::Entities);
        require(labelled, key, "is for tasks with labels, and this one has none")?;
        let listed = "the columns of `fetch.files.columns.labels` are the labels already; leave it out";
        require(!self.is_one_hot() || truth != TruthKind::Labels, key, listed)?;
        let distinct: BTreeSet<_> = labels.iter().map(|label| spelling::of_label(label)).collect();
        let least = if truth == TruthKind::Label { 2 } else { 1 };
        let good = labels.len() >= least && distinct.len() == labels.len();
        require(
            good,
            key,
            &format!("must list at least {least} labels, all different (`1.0` and ` 1` are the label `1`)"),
        )
    }

    fn is_one_hot(&self) -> bool {
        matches!(self.columns.labels, LabelColumns::OneHot(_))
    }

    fn validate_table(&self, truth: TruthKind) -> Result<()> {
        let separates =
            |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '"' | '\n' | '\r');
        let demand = "must be one ASCII character that is no letter, digit, quote or line end";
        require(self.separator.is_none_or(separates), "fetch.files.separator", demand)?;
        let label_separator = self.label_separator.as_ref();
        let demand = "must not be empty";
        require(label_separator.is_none_or(|text| !text.is_empty()), "fetch.files.label_separator", demand)?;
        let several = truth == TruthKind::Labels && !self.is_one_hot();
        let demand = "is for fields with any number of labels (task = \"multi_label\")";
        require(label_separator.is_none() || several, "fetch.files.label_separator", demand)?;
        let labelled = matches!(truth, TruthKind::Label | TruthKind::Labels) && !self.is_one_hot();
        let demand = "is for tasks with labels in one column";
        require(self.label_names.is_none() || labelled, "fetch.files.label_names", demand)?;
        if let LabelColumns::OneHot(labels) = &self.columns.labels {
            let distinct: BTreeSet<_> = labels.iter().map(|label| spelling::of_label(label)).collect();
            let good = !labels.is_empty() && distinct.len() == labels.len();
            require(good, "fetch.files.columns.labels", "must name one or more columns, all different")?;
        }
        Ok(())
    }
}
