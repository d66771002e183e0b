//! Own files in place of a registered corpus.

use anyhow::{Context, Result};
use rows::Rows;
use shared::config::{FileFormat, FilesConfig};
use shared::fault::Fault;
use shared::layout::{Split, content_extension};
use shared::schema::ExampleShape;

use super::{Corpus, Origin};
use crate::raw::RawFile;

/// They hold what the task asks for.
pub(super) struct OwnFiles {
    pub(super) files: FilesConfig,
    pub(super) shape: ExampleShape,
}

impl Corpus for OwnFiles {
    fn name(&self) -> &'static str {
        "own files"
    }

    fn licence(&self) -> &'static str {
        "own"
    }

    fn homepage(&self) -> &'static str {
        ""
    }

    fn shape(&self) -> ExampleShape {
        self.shape
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        let files = &self.files;
        let paths = [
            (Split::Train, Some(&files.train)),
            (Split::Dev, files.dev.as_ref()),
            (Split::Test, files.test.as_ref()),
        ];
        paths.into_iter().filter_map(|(split, path)| Some((split, Origin::File(path?.clone())))).collect()
    }

    fn labels(&self) -> Option<Vec<String>> {
        self.files.labels.clone()
    }

    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let format = match self.files.format {
            Some(format) => format,
            None => self.format_by_name(file)?,
        };
        rows::open(file.input()?, format, &self.files.columns, self.shape)
    }

    fn known_rows(&self, _split: Split) -> Option<u64> {
        None
    }
}

impl OwnFiles {
    fn format_by_name(&self, file: &RawFile) -> Result<FileFormat> {
        let format = content_extension(&file.path)
            .and_then(|extension| FileFormat::of_extension(&extension, self.shape.truth));
        format.with_context(|| {
            let formats = rows::formats_of(self.shape).join(", ");
            let demand = format!("set `fetch.files.format` to one of {formats}");
            Fault::usage(format!("the name of {} does not tell its format; {demand}", file.shown))
        })
    }
}
