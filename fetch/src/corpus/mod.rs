//! The corpora: one file for each knows its addresses, licence, parser and label names.

mod files;
mod nsmc;

use std::path::PathBuf;

use anyhow::{Context, Result};
use shared::config::{CorpusName, FetchConfig, Task};
use shared::fault::Fault;
use shared::layout::Split;

use crate::raw::RawFile;
use crate::rows::Rows;

/// Where the file of a split comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    Url(&'static str),
    File(PathBuf),
}

/// A corpus, registered or of own files.
pub(crate) trait Corpus {
    fn name(&self) -> &'static str;

    /// Its SPDX name where it has one.
    fn licence(&self) -> &'static str;

    /// The file of every split that the corpus has. One without dev gets a part of train.
    fn origins(&self) -> Vec<(Split, Origin)>;

    /// The labels in the order of their ids; none where they are those that stand in train, sorted.
    fn labels(&self) -> Option<Vec<String>>;

    /// The rows of the file of a split, with labels by name.
    fn rows(&self, file: &RawFile) -> Result<Rows>;

    /// The rows that the file of a split is known to have.
    fn known_rows(&self, split: Split) -> Option<u64>;
}

/// What `--list` says of a registered corpus beside its [`Corpus`].
struct Entry {
    corpus: Box<dyn Corpus>,
    task: Task,
    homepage: &'static str,
}

fn registered(name: CorpusName) -> Entry {
    match name {
        CorpusName::Nsmc => {
            Entry { corpus: Box::new(nsmc::Nsmc), task: Task::Classification, homepage: nsmc::HOMEPAGE }
        }
    }
}

/// The corpus that the config names.
pub(crate) fn of(config: &FetchConfig) -> Result<Box<dyn Corpus>> {
    match (config.corpus, &config.files) {
        (Some(name), _) => Ok(registered(name).corpus),
        (None, Some(own)) => Ok(Box::new(files::OwnFiles(own.clone()))),
        (None, None) => Err(Fault::usage("the config names neither `fetch.corpus` nor `fetch.files`"))
            .context("nothing to fetch"),
    }
}

/// The registered corpora, one a line: name, task, rows, licence, homepage.
pub(crate) fn table() -> String {
    let lines = CorpusName::ALL.into_iter().map(|name| line(&registered(name)));
    let header = ["NAME", "TASK", "ROWS", "LICENCE", "SOURCE"].map(str::to_owned);
    let table: Vec<[String; 5]> = std::iter::once(header).chain(lines).collect();
    let width = |column: usize| table.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let padded = |line: &[String; 5]| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(padded).collect::<Vec<_>>().join("\n")
}

fn line(entry: &Entry) -> [String; 5] {
    let corpus = &entry.corpus;
    let rows = Split::ALL.into_iter().filter_map(|split| Some((split, corpus.known_rows(split)?)));
    let rows = rows.map(|(split, rows)| format!("{split} {rows}")).collect::<Vec<_>>().join(", ");
    let task = match entry.task {
        Task::Classification => "classification",
    };
    [corpus.name().into(), task.into(), rows, corpus.licence().into(), entry.homepage.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_corpus() {
        let table = table();
        assert_eq!(table.lines().count(), 1 + CorpusName::ALL.len());
        let nsmc = table.lines().find(|line| line.starts_with("nsmc ")).unwrap();
        ["classification", "train 150000, test 50000", "CC0-1.0", nsmc::HOMEPAGE]
            .iter()
            .for_each(|part| assert!(nsmc.contains(part), "`{nsmc}` lacks `{part}`"));
    }
}
