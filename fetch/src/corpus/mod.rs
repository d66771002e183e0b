//! The corpora: one file for each knows its addresses, licence, parser and label names.

mod codes;
mod files;
mod klue_mrc;
mod klue_ner;
mod klue_nli;
mod klue_sts;
mod korean_hate_speech;
mod kornli;
mod korquad_v1;
mod korsts;
mod label_names;
mod nsmc;
mod paws_x_ko;
mod question_pair;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use metrics::entities::TagScheme;
use rows::Rows;
use shared::config::{CorpusName, FetchConfig};
use shared::fault::Fault;
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};
use shared::task::Task;

use crate::raw::RawFile;

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

    /// Where it is described; empty for own files.
    fn homepage(&self) -> &'static str;

    /// What its rows hold.
    fn shape(&self) -> ExampleShape;

    /// The files of every split that the corpus has. One without dev gets a part of train.
    fn origins(&self) -> Vec<(Split, Origin)>;

    /// The labels, or classes of entities, in the order of their ids; none where they are those that stand in train,
    /// sorted, or where there are no labels.
    fn labels(&self) -> Option<Vec<String>>;

    /// The rows of the file of a split, with labels by name.
    fn rows(&self, file: &RawFile) -> Result<Rows>;

    /// The rows that the files of a split are known to have.
    fn known_rows(&self, split: Split) -> Option<u64>;
}

fn registered(name: CorpusName) -> Box<dyn Corpus> {
    match name {
        CorpusName::Nsmc => Box::new(nsmc::Nsmc),
        CorpusName::KlueNli => Box::new(klue_nli::KlueNli),
        CorpusName::KlueSts => Box::new(klue_sts::KlueSts),
        CorpusName::KlueNer => Box::new(klue_ner::KlueNer),
        CorpusName::KlueMrc => Box::new(klue_mrc::KlueMrc),
        CorpusName::Kornli => Box::new(kornli::Kornli),
        CorpusName::Korsts => Box::new(korsts::Korsts),
        CorpusName::PawsXKo => Box::new(paws_x_ko::PawsXKo),
        CorpusName::QuestionPair => Box::new(question_pair::QuestionPair),
        CorpusName::KoreanHateSpeech => Box::new(korean_hate_speech::KoreanHateSpeech),
        CorpusName::KorquadV1 => Box::new(korquad_v1::KorquadV1),
    }
}

/// The corpus that the config names, for `task`; `evaluated` is the split that evaluate will ask for, and `scheme` how
/// the tags in own files are written.
///
/// # Errors
/// A usage fault where it is not for the task, or lacks a split that the config asks for.
pub(crate) fn of(
    config: &FetchConfig,
    task: Task,
    evaluated: Split,
    scheme: Option<TagScheme>,
) -> Result<Box<dyn Corpus>> {
    let shape = task.shape();
    let corpus = match (config.corpus, &config.files) {
        (Some(name), _) => registered(name),
        (None, Some(own)) => Box::new(files::OwnFiles::new(own.clone(), shape, scheme)?),
        (None, None) => {
            return Err(Fault::usage("the config names neither `fetch.corpus` nor `fetch.files`"))
                .context("nothing to fetch");
        }
    };
    let (name, task) = (corpus.name(), task.name());
    let other = || {
        let own = tasks_of(corpus.shape()).join(", ");
        Fault::usage(format!("config key `fetch.corpus` is {name}, a corpus for {own}, and `task` is {task}"))
    };
    ensure!(serves(corpus.shape(), shape), other());
    check_splits(corpus.as_ref(), config, evaluated)?;
    Ok(corpus)
}

/// Whether rows of the shape `own` can be made into such of the shape `wanted`: any has a text, and a truth is easily
/// left out.
fn serves(own: ExampleShape, wanted: ExampleShape) -> bool {
    own == wanted || wanted == ExampleShape { texts: Texts::One, truth: TruthKind::Nothing }
}

fn check_splits(corpus: &dyn Corpus, config: &FetchConfig, evaluated: Split) -> Result<()> {
    let name = corpus.name();
    let origins = corpus.origins();
    let has = |wanted: Split| origins.iter().any(|(split, _)| *split == wanted);
    if let Some(only) = config.only {
        ensure!(
            has(only),
            Fault::usage(format!("config key `fetch.only` is {only}, and {name} has no such split"))
        );
    }
    let parted = config.test_fraction > 0.0;
    let lacks_test = || {
        let todo = "set it to \"dev\", or give `fetch.test_fraction`";
        Fault::usage(format!(
            "config key `evaluate.split` is \"test\", and {name} has none that is public; {todo}"
        ))
    };
    ensure!(evaluated != Split::Test || parted || has(Split::Test), lacks_test());
    Ok(())
}

/// The tasks that learn from such rows.
fn tasks_of(shape: ExampleShape) -> Vec<&'static str> {
    Task::ALL.into_iter().filter(|task| task.shape() == shape).map(Task::name).collect()
}

/// The registered corpora, one a line: name, task, rows, licence, homepage.
pub(crate) fn table() -> String {
    let lines = CorpusName::ALL.into_iter().map(|name| line(registered(name).as_ref()));
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

fn line(corpus: &dyn Corpus) -> [String; 5] {
    let rows = Split::ALL.into_iter().filter_map(|split| Some((split, corpus.known_rows(split)?)));
    let rows = rows.map(|(split, rows)| format!("{split} {rows}")).collect::<Vec<_>>().join(", ");
    let task = tasks_of(corpus.shape()).join(", ");
    [corpus.name().into(), task, rows, corpus.licence().into(), corpus.homepage().into()]
}
