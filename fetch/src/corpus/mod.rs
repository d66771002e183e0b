//! The corpora: a table of registered ones (`registry`), and the user's own files.

mod klue;
mod korean_hate_speech;
mod label_names;
mod own_files;
mod registry;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use metrics::entities::TagScheme;
use rows::Rows;
use shared::config::{CorpusName, FetchConfig};
use shared::fault::Fault;
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};
use shared::task::Task;

use self::registry::{Registered, registered};
use crate::raw::RawFile;

/// The location of a raw file.
#[derive(Debug)]
pub(crate) enum FileLocation {
    Url(&'static str),
    Path(PathBuf),
}

/// A corpus: a registered one, or the user's own files.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    /// The SPDX name of the licence where it has one.
    pub(crate) licence: &'static str,
    /// The shape of its rows.
    pub(crate) shape: ExampleShape,
    /// The files of every split that the corpus has. Without a file for dev, dev is taken from train.
    pub(crate) files: Vec<(Split, FileLocation)>,
    /// The labels or entity types in the order of their ids. None where they are the sorted ones of train, or the rows have
    /// no labels.
    pub(crate) labels: Option<Vec<String>>,
    /// The known number of rows in the files of every split.
    pub(crate) known_rows: BTreeMap<Split, u64>,
    pub(crate) parser: Parser,
}

/// Reads the rows of one file, with labels by name.
type Parser = Box<dyn Fn(&RawFile) -> Result<Rows>>;

/// The corpus that the config names, for `task`. `evaluated` is the split that evaluate will use, and `scheme` the notation
/// of tags in own files.
///
/// # Errors
/// A usage fault where the corpus is not for the task, or lacks a split that the config names.
pub(crate) fn of(
    config: &FetchConfig,
    task: Task,
    evaluated: Split,
    scheme: Option<TagScheme>,
) -> Result<Corpus> {
    let shape = task.shape();
    let corpus = match (config.corpus, &config.files) {
        (Some(name), _) => registered(name).into(),
        (None, Some(own)) => own_files::corpus(own.clone(), shape, scheme)?,
        (None, None) => {
            return Err(Fault::usage("the config names neither `fetch.corpus` nor `fetch.files`"))
                .context("nothing to fetch");
        }
    };
    let (name, task) = (corpus.name, task.name());
    let other = || {
        let own = tasks_of(corpus.shape).join(", ");
        Fault::usage(format!("config key `fetch.corpus` is {name}, a corpus for {own}, and `task` is {task}"))
    };
    ensure!(serves(corpus.shape, shape), other());
    check_splits(&corpus, config, evaluated)?;
    Ok(corpus)
}

/// Returns whether rows of the shape `own` can be converted to the shape `wanted`. Every row has a text, and its truth can
/// be dropped.
fn serves(own: ExampleShape, wanted: ExampleShape) -> bool {
    own == wanted || wanted == ExampleShape { texts: Texts::One, truth: TruthKind::Nothing }
}

fn check_splits(corpus: &Corpus, config: &FetchConfig, evaluated: Split) -> Result<()> {
    let name = corpus.name;
    let has = |wanted: Split| corpus.files.iter().any(|(split, _)| *split == wanted);
    if let Some(only) = config.only {
        ensure!(
            has(only),
            Fault::usage(format!("config key `fetch.only` is {only}, and {name} has no such split"))
        );
    }
    let divided = config.test_fraction > 0.0;
    let lacks_test = || {
        let todo = "set it to \"dev\", or give `fetch.test_fraction`";
        Fault::usage(format!(
            "config key `evaluate.split` is \"test\", and {name} has none that is public; {todo}"
        ))
    };
    ensure!(evaluated != Split::Test || divided || has(Split::Test), lacks_test());
    Ok(())
}

/// The tasks for rows of `shape`.
fn tasks_of(shape: ExampleShape) -> Vec<&'static str> {
    Task::ALL.into_iter().filter(|task| task.shape() == shape).map(Task::name).collect()
}

/// The registered corpora, one per line: name, task, rows, licence, homepage.
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

fn line(corpus: &Registered) -> [String; 5] {
    let rows = corpus.known_rows.iter().map(|(split, rows)| format!("{split} {rows}"));
    let rows = rows.collect::<Vec<_>>().join(", ");
    let task = tasks_of(corpus.shape).join(", ");
    [corpus.name.into(), task, rows, corpus.licence.into(), corpus.homepage.into()]
}
