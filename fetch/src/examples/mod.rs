//! Rows become examples: checked, split, written.

mod answers;
mod checks;
mod duplicates;
mod labels;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use shared::config::FetchConfig;
use shared::fault::Fault;
use shared::layout::Split;
use shared::names::listed;
use shared::schema::ExampleShape;

use self::checks::Checks;
use self::writer::SplitWriter;
use crate::corpus::Corpus;
use crate::parts::Parts;
use crate::raw::{RawFile, RawFiles};

/// What was written.
#[derive(Debug)]
pub(crate) struct Examples {
    /// In the order of their ids.
    pub(crate) labels: Vec<String>,
    pub(crate) rows: BTreeMap<Split, u64>,
}

/// Reads the raw files of every split and writes examples of `shape` below `output`, in the order of the files. Where
/// there is no dev file, `fetch.dev_fraction` of train goes to dev, and to test in the same way; of the rest, what
/// `fetch.train_fraction` leaves out is checked and goes nowhere.
///
/// # Errors
/// An input fault that names file and line: a label that is not in the list, an id that stands twice, an answer that is
/// not in its context, no rows.
pub(crate) fn write(
    corpus: &dyn Corpus,
    files: &RawFiles,
    config: &FetchConfig,
    shape: ExampleShape,
    output: &Path,
) -> Result<Examples> {
    let mut checks = Checks::new(corpus, shape);
    let mut rows = BTreeMap::new();
    for (&split, of_split) in files {
        let parts = Parts::of(split, files, config);
        let written = write_split(corpus, split, of_split, parts, &mut checks, output)?;
        if written.iter().any(|(split, _)| *split == Split::Train) {
            checks.close_labels(&shown(of_split))?;
        }
        rows.extend(written);
    }
    let labels = checks.finish(&rows);
    if !labels.is_empty() {
        log::info!("labels: {}", listed(&labels));
    }
    Ok(Examples { labels, rows })
}

/// A registered corpus has a known size; another one is worth a word, and may well be a newer release.
fn compare(corpus: &dyn Corpus, split: Split, files: &[RawFile], rows: u64) {
    if let Some(known) = corpus.known_rows(split).filter(|known| *known != rows) {
        log::warn!("{} has {rows} rows, and {known} are known of {}'s {split}", shown(files), corpus.name());
    }
}

fn shown(files: &[RawFile]) -> String {
    files.iter().map(|file| file.shown.as_str()).collect::<Vec<_>>().join(" and ")
}

/// Writes the examples of one file, before which the split has had `before` rows; how many there are after it.
fn write_rows(
    corpus: &dyn Corpus,
    file: &RawFile,
    split: Split,
    before: u64,
    parts: Parts,
    checks: &mut Checks,
    writers: &mut BTreeMap<Split, SplitWriter>,
) -> Result<u64> {
    let mut number = before;
    for row in corpus.rows(file)? {
        number += 1;
        let example = checks.example(row?, number, split, &file.shown)?;
        let goes_to = parts.split_of(&example, checks.shape().texts);
        if let Some((split, writer)) = goes_to.and_then(|split| Some((split, writers.get_mut(&split)?))) {
            checks.written(split, &example);
            writer.push(example)?;
        }
    }
    ensure!(number > before, Fault::input(format!("{} is an empty corpus: it has no rows", file.shown)));
    Ok(number)
}

/// Writes the examples of the files of one split.
fn write_split(
    corpus: &dyn Corpus,
    split: Split,
    files: &[RawFile],
    parts: Parts,
    checks: &mut Checks,
    output: &Path,
) -> Result<Vec<(Split, u64)>> {
    let writers =
        parts.splits().map(|split| Ok((split, SplitWriter::create(split, checks.shape(), output)?)));
    let mut writers: BTreeMap<Split, SplitWriter> = writers.collect::<Result<_>>()?;
    let mut number = 0;
    for file in files {
        let read = write_rows(corpus, file, split, number, parts, checks, &mut writers);
        number = read.map_err(|error| file.explain(error))?;
        file.confirm()?;
    }
    compare(corpus, split, files, number);
    checks.report_files(&shown(files));
    writers.into_values().map(|writer| writer.finish(&shown(files))).collect()
}
