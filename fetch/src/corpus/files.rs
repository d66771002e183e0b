//! Own files in place of a registered corpus.

use std::path::Path;

use anyhow::{Context, Result};
use metrics::entities::{TagScheme, TagSet};
use rows::{ConfigKeys, Dialect, Row, Rows, TagNames};
use shared::config::{FileFormat, FilesConfig};
use shared::fault::Fault;
use shared::layout::{Split, content_extension};
use shared::schema::{ExampleShape, Truth, TruthKind};

use super::label_names::Names;
use super::{Corpus, Origin};
use crate::raw::RawFile;

/// They hold what the task asks for.
pub(super) struct OwnFiles {
    files: FilesConfig,
    shape: ExampleShape,
    /// How the tags of words are written, where the config says.
    scheme: Option<TagScheme>,
    /// Of labels that the files write as ids.
    names: Option<Names>,
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
        match self.tag_set() {
            Some(set) => Some(set.classes().to_vec()),
            None => self.files.listed_labels().map(<[String]>::to_vec).or_else(|| self.named_labels()),
        }
    }

    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let format = match self.files.format {
            Some(format) => format,
            None => self.format_by_name(file)?,
        };
        let names = match (self.scheme, &self.files.labels) {
            (Some(TagScheme::Plain), Some(labels)) => labels.clone(),
            (_, Some(labels)) if self.tag_set().is_some() => labels.clone(),
            _ => Vec::new(),
        };
        let tags = TagNames { scheme: self.scheme, names };
        let FilesConfig { encoding, separator, quote, .. } = self.files;
        let label_separator = self.files.label_separator.clone();
        let dialect =
            Dialect { encoding, separator, quote, label_separator, config_keys: ConfigKeys::FetchFiles };
        let rows = rows::open_tagged(
            file.input()?.with_dialect(dialect),
            format,
            &self.files.columns,
            self.shape,
            tags,
        )?;
        Ok(match self.names.clone() {
            None => rows,
            Some(names) => {
                let shown = file.shown.clone();
                Box::new(rows.map(move |row| named(row?, &names, &shown)))
            }
        })
    }

    fn known_rows(&self, _split: Split) -> Option<u64> {
        None
    }
}

/// The row with its labels by their names.
fn named(mut row: Row, names: &Names, shown: &str) -> Result<Row> {
    let place = row.place;
    let rename = |label: &mut String| -> Result<()> {
        let name = names.name(label);
        let nameless = || {
            Fault::input(format!(
                "{shown}, {place}: the label `{label}` has no name in `fetch.files.label_names`"
            ))
        };
        *label = name.with_context(nameless)?.to_owned();
        Ok(())
    };
    match &mut row.truth {
        Truth::Label(label) => rename(label)?,
        Truth::Labels(labels) => labels.iter_mut().try_for_each(rename)?,
        _ => {}
    }
    Ok(row)
}

impl OwnFiles {
    /// # Errors
    /// An input fault where the names of labels are in a file, and that cannot be read.
    pub(super) fn new(
        files: FilesConfig,
        shape: ExampleShape,
        scheme: Option<TagScheme>,
    ) -> Result<OwnFiles> {
        let names = files.label_names.as_ref().map(Names::of).transpose()?;
        Ok(OwnFiles { files, shape, scheme, names })
    }

    /// The labels in the order in which the config, or else train, gives them names.
    fn named_labels(&self) -> Option<Vec<String>> {
        if let Some(names) = &self.names {
            return Some(names.labels().to_vec());
        }
        let train = &self.files.train;
        let format = self.files.format.or_else(|| format_of(train, self.shape.truth));
        let of_texts = matches!(self.shape.truth, TruthKind::Label | TruthKind::Labels);
        let names = rows::class_names(train, &self.files.columns, self.shape.truth);
        names.filter(|_| of_texts && format == Some(FileFormat::Parquet))
    }

    /// Where the listed labels are the tags of words, with which entities begin and go on; none where they are classes.
    fn tag_set(&self) -> Option<TagSet> {
        let labels = self.files.labels.as_ref().filter(|_| self.shape.truth == TruthKind::Entities)?;
        if self.scheme == Some(TagScheme::Plain) || !labels.iter().any(|label| label == "O") {
            return None;
        }
        let scheme = self.scheme.or_else(|| TagScheme::of_set(labels.iter().map(String::as_str)))?;
        TagSet::new(labels, scheme).ok()
    }

    fn format_by_name(&self, file: &RawFile) -> Result<FileFormat> {
        format_of(&file.path, self.shape.truth).with_context(|| {
            let formats = rows::formats_of(self.shape).join(", ");
            let demand = format!("set `fetch.files.format` to one of {formats}");
            Fault::usage(format!("the name of {} does not tell its format; {demand}", file.shown))
        })
    }
}

fn format_of(path: &Path, truth: TruthKind) -> Option<FileFormat> {
    FileFormat::of_extension(&content_extension(path)?, truth)
}
