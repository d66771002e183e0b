//! The files in `fetch.files`, which replace a registered corpus.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use metrics::entities::{TagScheme, TagSet};
use rows::{ConfigKeys, Dialect, Row, Rows, TagNames};
use shared::config::{FileFormat, FilesConfig};
use shared::fault::Fault;
use shared::layout::{Split, content_extension};
use shared::schema::{ExampleShape, Truth, TruthKind};

use super::label_names::Names;
use super::{Corpus, FileLocation};
use crate::raw::RawFile;

/// The corpus of the files in `files`, whose rows have the `shape` of the task. `scheme` is the notation of tags, if the
/// config names one.
///
/// # Errors
/// An input fault where the file with the names of labels cannot be read.
pub(super) fn corpus(files: FilesConfig, shape: ExampleShape, scheme: Option<TagScheme>) -> Result<Corpus> {
    let names = files.label_names.as_ref().map(Names::of).transpose()?;
    let own = OwnFiles { files, shape, scheme, names };
    Ok(Corpus {
        name: "own files",
        licence: "own",
        shape,
        files: own.locations(),
        labels: own.labels(),
        known_rows: BTreeMap::new(),
        parser: Box::new(move |file| own.rows(file)),
    })
}

struct OwnFiles {
    files: FilesConfig,
    shape: ExampleShape,
    /// The notation of the tags of words, if the config names one.
    scheme: Option<TagScheme>,
    /// The names of labels for which the files have ids.
    names: Option<Names>,
}

impl OwnFiles {
    fn locations(&self) -> Vec<(Split, FileLocation)> {
        let files = &self.files;
        let paths = [
            (Split::Train, Some(&files.train)),
            (Split::Dev, files.dev.as_ref()),
            (Split::Test, files.test.as_ref()),
        ];
        paths
            .into_iter()
            .filter_map(|(split, path)| Some((split, FileLocation::Path(path?.clone()))))
            .collect()
    }

    /// The labels that the config or train's file lists; none where they are those of train's rows.
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

    /// The labels in the order in which the config, or else train's file, gives them names.
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

    /// The set of tags, if the listed labels are tags of words; none where they are entity types.
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

/// Replaces the ids of labels in a row by their names.
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

fn format_of(path: &Path, truth: TruthKind) -> Option<FileFormat> {
    FileFormat::of_extension(&content_extension(path)?, truth)
}
