//! Own files in place of a registered corpus.

use std::collections::BTreeSet;
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
    pub columns: FileColumns,
    /// The labels, or classes of entities, in the order of their ids. Absent: those that stand in train, sorted,
    /// numbers by their values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

/// How own files are written. All but Parquet may be compressed by gzip or zstd.
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
    Parquet,
    /// A word and its IOB2 tag a line, a blank line behind a sentence, whose words are joined by single spaces.
    Conll,
    /// The same with a character a line, spaces included, as in KLUE-NER.
    CharacterConll,
    /// SQuAD's JSON, of version 1 or 2, or a JSON array of questions.
    Squad,
    /// A text a line.
    Text,
}

impl FileFormat {
    /// Of a file whose name ends with `extension`, in which stands what a task is to find out.
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
            ("json", TruthKind::Answers) => FileFormat::Squad,
            ("json", _) => FileFormat::Json,
            _ => return None,
        })
    }
}

/// The names of the columns in own files; a task reads those that it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileColumns {
    /// Absent: `<split>-<row>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub text: String,
    pub text_pair: String,
    pub question: String,
    pub context: String,
    pub label: String,
    pub labels: String,
    pub score: String,
    pub entities: String,
    pub answers: String,
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
            answers: column::ANSWERS.into(),
        }
    }
}

impl FilesConfig {
    pub(super) fn validate(&self, truth: TruthKind) -> Result<()> {
        let Some(labels) = &self.labels else { return Ok(()) };
        let key = "fetch.files.labels";
        let labelled = matches!(truth, TruthKind::Label | TruthKind::Labels | TruthKind::Entities);
        require(labelled, key, "is for tasks with labels, and this one has none")?;
        let distinct: BTreeSet<_> = labels.iter().map(|label| spelling::of_label(label)).collect();
        let least = if truth == TruthKind::Label { 2 } else { 1 };
        let good = labels.len() >= least && distinct.len() == labels.len();
        require(
            good,
            key,
            &format!("must list at least {least} labels, all different (`1.0` and ` 1` are the label `1`)"),
        )
    }
}
