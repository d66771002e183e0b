//! Texts from a file or from the standard input.

use std::path::Path;

use anyhow::{Context, Result};
use rows::{Row, Rows};
use shared::config::FileFormat;
use shared::fault::Fault;
use shared::layout::content_extension;
use shared::schema::{Example, Texts, TruthKind};

use crate::encoder::example;

/// The format of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum InputFormat {
    /// One example a line; a tab separates two texts.
    Text,
    /// Tab-separated, with a header; quotes are ordinary characters.
    Tsv,
    /// Comma-separated, with a header, quoted as in RFC 4180.
    Csv,
    /// One object a line.
    Jsonl,
    /// An array of objects, or a sequence of objects.
    Json,
    Parquet,
}

impl InputFormat {
    /// The format that the extension of `path` names; text without an extension.
    ///
    /// # Errors
    /// A usage fault where the extension is unknown.
    fn by_name(path: &Path) -> Result<InputFormat> {
        let Some(extension) = content_extension(path) else { return Ok(InputFormat::Text) };
        let unknown = || {
            let place = path.display();
            Fault::usage(format!("the name of {place} does not tell its format; set --format to {FORMATS}"))
        };
        let format = FileFormat::of_extension(&extension, TruthKind::Nothing);
        format.and_then(InputFormat::of).with_context(unknown)
    }

    fn of(format: FileFormat) -> Option<InputFormat> {
        match format {
            FileFormat::Text => Some(InputFormat::Text),
            FileFormat::Tsv => Some(InputFormat::Tsv),
            FileFormat::Csv => Some(InputFormat::Csv),
            FileFormat::Jsonl => Some(InputFormat::Jsonl),
            FileFormat::Json => Some(InputFormat::Json),
            FileFormat::Parquet => Some(InputFormat::Parquet),
            FileFormat::Conll | FileFormat::CharacterConll | FileFormat::Conllu | FileFormat::Squad => None,
        }
    }

    fn file_format(self) -> FileFormat {
        match self {
            InputFormat::Text => FileFormat::Text,
            InputFormat::Tsv => FileFormat::Tsv,
            InputFormat::Csv => FileFormat::Csv,
            InputFormat::Jsonl => FileFormat::Jsonl,
            InputFormat::Json => FileFormat::Json,
            InputFormat::Parquet => FileFormat::Parquet,
        }
    }
}

const FORMATS: &str = "text, tsv, csv, jsonl, json or parquet";

/// The input and its format.
pub(super) struct Input {
    bytes: rows::Input,
    pub(super) format: InputFormat,
}

impl Input {
    /// Opens `path`, or the standard input; without `format`, the file's name decides.
    ///
    /// # Errors
    /// An error where there is no such file; a usage fault where its format is unknown, or the input cannot be read in
    /// this format.
    pub(super) fn open(path: Option<&Path>, format: Option<InputFormat>) -> Result<Input> {
        let bytes = match path {
            Some(path) => rows::Input::file(path, &path.display().to_string())?,
            None => rows::Input::standard_input(),
        };
        let format = match (format, path) {
            (Some(format), _) => format,
            (None, Some(path)) => InputFormat::by_name(path)?,
            (None, None) => InputFormat::Text,
        };
        if format == InputFormat::Parquet {
            bytes.path()?;
        }
        Ok(Input { bytes, format })
    }

    /// Reads the examples, each with `texts` texts.
    ///
    /// # Errors
    /// An input fault that names the file. The iterator's errors also name the line.
    pub(super) fn examples(self, texts: Texts) -> Result<Examples> {
        Ok(Examples { rows: rows::open_texts(self.bytes, self.format.file_format(), texts)?, count: 0 })
    }
}

/// The examples in the order of the input, read on demand; those without an id are numbered from 1.
pub(super) struct Examples {
    rows: Rows,
    count: u64,
}

impl Iterator for Examples {
    type Item = Result<Example>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        self.count += 1;
        Some(row.map(|Row { id, text, text_pair, .. }| {
            example(id.unwrap_or_else(|| self.count.to_string()), [text].into_iter().chain(text_pair))
        }))
    }
}

#[cfg(test)]
mod tests;
