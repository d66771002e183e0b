//! `[fetch.files]`: own files in place of a registered corpus.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;
use crate::schema::{TruthKind, column};
use crate::spelling;

/// The keys of `[fetch.files]`: one file for each split, and how to read them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// The file of the train split.
    pub train: PathBuf,
    /// The file of the dev split. Absent: `fetch.dev_fraction` of train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<PathBuf>,
    /// The file of the test split. Absent: `fetch.test_fraction` of train; without that, dev is the only split to evaluate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The format of the files. Absent: by the extension of each file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// The names of the columns in the files.
    #[serde(default)]
    pub columns: FileColumns,
    /// The labels, or the classes of entities, in the order of their ids. Absent: the names in `label_names` or in the
    /// ClassLabel column of a Parquet file, else the labels in train, sorted, with numbers by value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// The names of the labels: a list for the ids 0, 1, 2…, a map such as `{ "-1" = "negative", "1" = "positive" }`, or the
    /// path of a file with one name per line or with such a list or map as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_names: Option<LabelNames>,
    /// The character between two columns of a table. Absent: a tab in `tsv`, a comma in `csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// The treatment of double quotes in a table: `none` or `csv`. Absent: `none` in `tsv`, `csv` in `csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
    /// The text between two labels in one field of a table (task `multi_label`). Absent: `|`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<String>,
    /// The character encoding of text files: `utf-8`, `cp949` (or `euc-kr`) or `utf-16`.
    #[serde(default, skip_serializing_if = "Encoding::is_default")]
    pub encoding: Encoding,
}

/// The format of own files. Every format but Parquet may be compressed with gzip or zstd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Tab-separated values with a header line; quotes are ordinary characters.
    Tsv,
    /// Comma-separated values with a header line and RFC 4180 quoting.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// One JSON array of objects, or a sequence of objects.
    Json,
    /// Apache Parquet, one example per row.
    Parquet,
    /// One word and its tag per line, and a blank line after each sentence. Words are joined by single spaces.
    Conll,
    /// One character and its tag per line, spaces included, as in KLUE-NER.
    CharacterConll,
    /// CoNLL-U: ten tab-separated columns. The tag is the universal part of speech, or the column with the number
    /// `columns.ner_tags`.
    Conllu,
    /// The JSON of SQuAD, version 1 or 2, or a JSON array of questions.
    Squad,
    /// One text per line.
    Text,
}

impl FileFormat {
    /// The format of a file with this `extension` that holds `truth`; none for an extension that tells no format.
    pub fn of_extension(extension: &str, truth: TruthKind) -> Option<FileFormat> {
        Some(match (extension.to_ascii_lowercase().as_str(), truth) {
            // The `.tsv` files of KLUE-NER have no header, so the extension does not tell the format.
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

/// The treatment of double quotes in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quote {
    /// Quotes are ordinary characters.
    None,
    /// A field may be quoted, and a quote inside it is doubled (RFC 4180). pandas writes tables like this with any
    /// separator.
    Csv,
}

/// A character encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Code page 949 of Korean Windows; it contains EUC-KR.
    #[serde(rename = "cp949", alias = "euc-kr")]
    Cp949,
    /// UTF-16 in the byte order of its byte order mark, or little-endian without one: "Unicode text" of Excel.
    #[serde(rename = "utf-16")]
    Utf16,
}

impl Encoding {
    fn is_default(&self) -> bool {
        *self == Encoding::default()
    }
}

/// The names of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LabelNames {
    /// The names of the ids 0, 1, 2…
    Listed(Vec<String>),
    /// The name of each value in the files.
    Mapped(BTreeMap<String, String>),
    /// The path of a file with the names.
    File(PathBuf),
}

/// A column of a table: its name, or its number from 1 in a file without a header line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// The number of the column, from 1.
    Number(u32),
    /// The name in the header line.
    Name(String),
}

impl Column {
    /// The name of the column, or its number in decimal digits.
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

/// The columns of the labels of a text (task `multi_label`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LabelColumns {
    /// One column that holds all labels of the text.
    One(Column),
    /// One column for each label: 1 if the text has the label, else 0.
    OneHot(Vec<String>),
}

impl From<&str> for LabelColumns {
    fn from(name: &str) -> LabelColumns {
        LabelColumns::One(name.into())
    }
}

/// The keys of `[fetch.files.columns]`: the names of the columns in own files. A task reads only the columns that it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileColumns {
    /// The id of the example. Absent: `<split>-<row>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Column>,
    /// The text, or the first of two texts.
    pub text: Column,
    /// The second of two texts.
    pub text_pair: Column,
    /// The question.
    pub question: Column,
    /// The context in which the answer is searched.
    pub context: Column,
    /// The label of the text.
    pub label: Column,
    /// The labels of the text: one column, or a list with one column for each label, which holds 0 or 1.
    pub labels: LabelColumns,
    /// The score of the text.
    pub score: Column,
    /// The entities of the text.
    pub entities: Column,
    /// The words of a text, for files with lists of words and tags in place of texts.
    pub tokens: String,
    /// The tags of the words in `tokens`. Absent: `ner_tags`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ner_tags: Option<String>,
    /// The answers to the question.
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
    /// The labels in the order of their ids, as `labels` or `columns.labels` lists them; none if neither does.
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
