//! Conversion of rows to examples: they are checked, assigned to splits and written.

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
use crate::raw::{RawFile, RawFiles};
use crate::split_assignment::SplitAssignment;

/// The result of writing examples.
#[derive(Debug)]
pub(crate) struct Examples {
    /// The labels in the order of their ids.
    pub(crate) labels: Vec<String>,
    /// The number of written rows by split.
    pub(crate) rows: BTreeMap<Split, u64>,
}

/// Reads the raw files of every split and writes examples of `shape` below `output`, in the order of the files.
///
/// If there is no dev file, `fetch.dev_fraction` of train goes to dev; the same holds for test. `fetch.train_fraction` of
/// the rest stays in train. The other rows are checked and not written.
///
/// # Errors
/// An input fault that names file and line: a label that is not in the list, a repeated id, an answer that is not in its
/// context, no rows.
pub(crate) fn write(
    corpus: &Corpus,
    files: &RawFiles,
    config: &FetchConfig,
    shape: ExampleShape,
    output: &Path,
) -> Result<Examples> {
    let mut checks = Checks::new(corpus, shape);
    let mut rows = BTreeMap::new();
    for (&split, split_files) in files {
        let assignment = SplitAssignment::of(split, files, config);
        let written = write_split(corpus, split, split_files, assignment, &mut checks, output)?;
        if written.iter().any(|(split, _)| *split == Split::Train) {
            checks.close_labels(&shown(split_files))?;
        }
        rows.extend(written);
    }
    let labels = checks.finish(&rows);
    if !labels.is_empty() {
        log::info!("labels: {}", listed(&labels));
    }
    Ok(Examples { labels, rows })
}

/// Logs a warning where a registered corpus does not have its known size. It may be a newer release.
fn compare(corpus: &Corpus, split: Split, files: &[RawFile], rows: u64) {
    if let Some(known) = corpus.known_rows.get(&split).filter(|known| **known != rows) {
        log::warn!("{} has {rows} rows, and {known} are known of {}'s {split}", shown(files), corpus.name);
    }
}

fn shown(files: &[RawFile]) -> String {
    files.iter().map(|file| file.shown.as_str()).collect::<Vec<_>>().join(" and ")
}

/// Writes the examples of one file. `before` is the number of rows in the split's earlier files; returns the number with
/// this file.
fn write_rows(
    corpus: &Corpus,
    file: &RawFile,
    split: Split,
    before: u64,
    assignment: SplitAssignment,
    checks: &mut Checks,
    writers: &mut BTreeMap<Split, SplitWriter>,
) -> Result<u64> {
    let mut number = before;
    for row in (corpus.parser)(file)? {
        number += 1;
        let example = checks.example(row?, number, split, &file.shown)?;
        let assigned = assignment.split_of(&example, checks.shape().texts);
        if let Some((split, writer)) = assigned.and_then(|split| Some((split, writers.get_mut(&split)?))) {
            checks.add_written(split, &example);
            writer.push(example)?;
        }
    }
    ensure!(number > before, Fault::input(format!("{} is an empty corpus: it has no rows", file.shown)));
    Ok(number)
}

/// Writes the examples of the files of one split.
fn write_split(
    corpus: &Corpus,
    split: Split,
    files: &[RawFile],
    assignment: SplitAssignment,
    checks: &mut Checks,
    output: &Path,
) -> Result<Vec<(Split, u64)>> {
    let writers =
        assignment.splits().map(|split| Ok((split, SplitWriter::create(split, checks.shape(), output)?)));
    let mut writers: BTreeMap<Split, SplitWriter> = writers.collect::<Result<_>>()?;
    let mut number = 0;
    for file in files {
        let read = write_rows(corpus, file, split, number, assignment, checks, &mut writers);
        number = read.map_err(|error| file.explain(error))?;
        file.confirm()?;
    }
    compare(corpus, split, files, number);
    checks.report_files(&shown(files));
    writers.into_values().map(|writer| writer.finish(&shown(files))).collect()
}
