//! Rows become examples: checked, split, written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use anyhow::{Result, bail, ensure};
use shared::fault::Fault;
use shared::layout::{Split, fetched};
use shared::schema::{Example, ExampleWriter};

use crate::corpus::Corpus;
use crate::dev_split::is_dev;
use crate::raw::RawFile;
use crate::rows::{Place, Row};

/// What was written.
#[derive(Debug)]
pub(crate) struct Examples {
    /// In the order of their ids.
    pub(crate) labels: Vec<String>,
    pub(crate) rows: BTreeMap<Split, u64>,
}

/// Reads the raw file of every split and writes its examples below `output`, in the order of the file. Where
/// there is no dev file, `dev_fraction` of train goes to dev.
///
/// # Errors
/// An input fault that names file and line: a label that is not in the list, an id that stands twice, no rows.
pub(crate) fn write(
    corpus: &dyn Corpus,
    files: &BTreeMap<Split, RawFile>,
    dev_fraction: f64,
    output: &Path,
) -> Result<Examples> {
    let mut checks = Checks { labels: Labels::of(corpus), ids: BTreeMap::new() };
    let mut rows = BTreeMap::new();
    for (&split, file) in files {
        let taken = (split == Split::Train && !files.contains_key(&Split::Dev)).then_some(dev_fraction);
        let written = write_file(corpus, split, file, taken, &mut checks, output)?;
        compare(corpus, split, file, written.iter().map(|(_, rows)| rows).sum());
        rows.extend(written);
        if split == Split::Train {
            checks.labels.close(&file.shown)?;
        }
    }
    let labels = checks.labels.into_list();
    log::info!("labels: {}", labels.join(", "));
    Ok(Examples { labels, rows })
}

/// A registered corpus has a known size; another one is worth a word, and may well be a newer release.
fn compare(corpus: &dyn Corpus, split: Split, file: &RawFile, rows: u64) {
    if let Some(known) = corpus.known_rows(split).filter(|known| *known != rows) {
        log::warn!("{} has {rows} rows, and {known} are known of {}'s {split}", file.shown, corpus.name());
    }
}

/// Writes the examples of one file, `taken` of them as dev.
fn write_file(
    corpus: &dyn Corpus,
    split: Split,
    file: &RawFile,
    taken: Option<f64>,
    checks: &mut Checks,
    output: &Path,
) -> Result<Vec<(Split, u64)>> {
    let mut own = SplitWriter::create(split, output)?;
    let mut dev = taken.map(|_| SplitWriter::create(Split::Dev, output)).transpose()?;
    for (row, number) in corpus.rows(file)?.zip(1..) {
        let example = checks.example(row?, number, split, &file.shown)?;
        match (&mut dev, taken) {
            (Some(dev), Some(fraction)) if is_dev(&example.example_id, fraction) => dev.push(example)?,
            _ => own.push(example)?,
        }
    }
    ensure!(own.rows > 0 || dev.as_ref().is_some_and(|dev| dev.rows > 0), no_rows(file));
    [Some(own), dev].into_iter().flatten().map(|writer| writer.finish(file)).collect()
}

fn no_rows(file: &RawFile) -> Fault {
    Fault::input(format!("{} is an empty corpus: it has no rows", file.shown))
}

/// Examples of a split, some thousand at a time.
struct SplitWriter {
    split: Split,
    file: ExampleWriter,
    waiting: Vec<Example>,
    rows: u64,
}

const ROWS_AT_ONCE: usize = 4096;

impl SplitWriter {
    fn create(split: Split, output: &Path) -> Result<SplitWriter> {
        let file = ExampleWriter::create(&fetched::examples(output, split))?;
        Ok(SplitWriter { split, file, waiting: Vec::with_capacity(ROWS_AT_ONCE), rows: 0 })
    }

    fn push(&mut self, example: Example) -> Result<()> {
        self.waiting.push(example);
        self.rows += 1;
        if self.waiting.len() == ROWS_AT_ONCE {
            self.file.write(&self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }

    fn finish(mut self, file: &RawFile) -> Result<(Split, u64)> {
        let (split, rows) = (self.split, self.rows);
        let change = "change `fetch.dev_fraction`, or give `fetch.files.dev`";
        ensure!(rows > 0, Fault::input(format!("no row of {} falls to {split}; {change}", file.shown)));
        if !self.waiting.is_empty() {
            self.file.write(&self.waiting)?;
        }
        self.file.finish()?;
        log::info!("{split}: {rows} examples from {}", file.shown);
        Ok((split, rows))
    }
}

/// What must hold across all files of a corpus.
struct Checks {
    labels: Labels,
    /// By what [`id_scope`] says of a split.
    ids: BTreeMap<Split, HashSet<String>>,
}

/// Dev may be a part of train, so their ids must differ; those of a test file are often counted from 1 again.
fn id_scope(split: Split) -> Split {
    match split {
        Split::Train | Split::Dev => Split::Train,
        Split::Test => Split::Test,
    }
}

impl Checks {
    fn example(&mut self, row: Row, number: u64, split: Split, shown: &str) -> Result<Example> {
        self.labels.check(&row.label, row.place, shown)?;
        let example_id = row.id.unwrap_or_else(|| format!("{split}-{number}"));
        let place = row.place;
        let twice = || {
            let todo = "make the ids differ, or leave out `fetch.files.columns.id` to number the rows";
            Fault::input(format!("{shown}, {place}: the id `{example_id}` stands twice; {todo}"))
        };
        ensure!(self.ids.entry(id_scope(split)).or_default().insert(example_id.clone()), twice());
        Ok(Example { example_id, text: row.text, label: row.label })
    }
}

enum Labels {
    /// In the order of their ids.
    Listed(Vec<String>),
    /// Those seen in train so far.
    Open(BTreeSet<String>),
}

impl Labels {
    fn of(corpus: &dyn Corpus) -> Labels {
        corpus.labels().map_or(Labels::Open(BTreeSet::new()), Labels::Listed)
    }

    fn check(&mut self, label: &str, place: Place, shown: &str) -> Result<()> {
        match self {
            Labels::Open(seen) if !seen.contains(label) => {
                ensure!(!label.is_empty(), Fault::input(format!("{shown}, {place}: the label is empty")));
                seen.insert(label.to_owned());
            }
            Labels::Listed(labels) if !labels.iter().any(|known| known == label) => {
                let known = labels.join("`, `");
                bail!(Fault::input(format!("{shown}, {place}: the label `{label}` is none of `{known}`")));
            }
            Labels::Open(_) | Labels::Listed(_) => {}
        }
        Ok(())
    }

    /// After train: its labels, sorted, are the list that the other splits are held to.
    fn close(&mut self, shown: &str) -> Result<()> {
        if let Labels::Open(seen) = self {
            let few = || Fault::input(format!("{shown} has one label only, and a classifier needs two"));
            ensure!(seen.len() >= 2, few());
            *self = Labels::Listed(std::mem::take(seen).into_iter().collect());
        }
        Ok(())
    }

    fn into_list(self) -> Vec<String> {
        match self {
            Labels::Listed(labels) => labels,
            Labels::Open(seen) => seen.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
