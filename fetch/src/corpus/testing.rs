//! What the corpora's tests have in common.

use anyhow::Result;
use rows::Row;
use shared::fault::kind_of;
use shared::schema::{Answer, Entity, Truth};

use super::Corpus;
use crate::raw::RawFile;

/// Id, both texts and truth.
pub(super) type Fields<'a> = (Option<&'a str>, &'a str, Option<&'a str>, Truth);

fn read(corpus: &dyn Corpus, file: impl AsRef<[u8]>) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus.data");
    std::fs::write(&path, file).unwrap();
    corpus.rows(&RawFile::local(&path, String::new()).unwrap())?.collect()
}

pub(super) fn check(corpus: &dyn Corpus, file: impl AsRef<[u8]>, expected: &[Fields<'_>]) {
    let rows = read(corpus, file).unwrap();
    let fields: Vec<Fields<'_>> = rows
        .iter()
        .map(|row| (row.id.as_deref(), row.text.as_str(), row.text_pair.as_deref(), row.truth.clone()))
        .collect();
    assert_eq!(fields, expected);
}

pub(super) fn check_refused(corpus: &dyn Corpus, file: impl AsRef<[u8]>, parts: &[&str]) {
    let error = read(corpus, file).unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), 3, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

pub(super) fn label(name: &str) -> Truth {
    Truth::Label(name.into())
}

pub(super) fn entities(all: &[(u32, u32, &str)]) -> Truth {
    let entity = |&(start, end, label): &(u32, u32, &str)| Entity { start, end, label: label.into() };
    Truth::Entities(all.iter().map(entity).collect())
}

pub(super) fn answers(all: &[(u32, &str)]) -> Truth {
    Truth::Answers(all.iter().map(|&(start, text)| Answer { start, text: text.into() }).collect())
}
