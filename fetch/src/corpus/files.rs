//! Own files in place of a registered corpus.

use anyhow::{Context, Result};
use shared::config::{FileFormat, FilesConfig};
use shared::fault::Fault;
use shared::layout::Split;

use super::{Corpus, Origin};
use crate::raw::RawFile;
use crate::rows::{self, Rows};

pub(super) struct OwnFiles(pub(super) FilesConfig);

impl Corpus for OwnFiles {
    fn name(&self) -> &'static str {
        "own files"
    }

    fn licence(&self) -> &'static str {
        "own"
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        let files = &self.0;
        let paths = [
            (Split::Train, Some(&files.train)),
            (Split::Dev, files.dev.as_ref()),
            (Split::Test, files.test.as_ref()),
        ];
        paths.into_iter().filter_map(|(split, path)| Some((split, Origin::File(path?.clone())))).collect()
    }

    fn labels(&self) -> Option<Vec<String>> {
        self.0.labels.clone()
    }

    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let format = match self.0.format {
            Some(format) => format,
            None => by_extension(file)?,
        };
        rows::open(file, format, &self.0.columns)
    }

    fn known_rows(&self, _split: Split) -> Option<u64> {
        None
    }
}

fn by_extension(file: &RawFile) -> Result<FileFormat> {
    let extension = file.path.extension().map(|extension| extension.to_ascii_lowercase());
    let format = match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("tsv" | "txt") => Some(FileFormat::Tsv),
        Some("csv") => Some(FileFormat::Csv),
        Some("jsonl" | "ndjson") => Some(FileFormat::Jsonl),
        Some("parquet") => Some(FileFormat::Parquet),
        _ => None,
    };
    format.with_context(|| {
        let demand = "set `fetch.files.format` to tsv, csv, jsonl or parquet";
        Fault::usage(format!("the name of {} does not tell its format; {demand}", file.shown))
    })
}
