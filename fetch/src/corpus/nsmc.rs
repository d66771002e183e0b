//! The Naver sentiment movie corpus: Korean movie reviews, negative or positive.

use anyhow::{Result, bail};
use shared::config::{FileColumns, FileFormat};
use shared::fault::Fault;
use shared::layout::Split;

use super::{Corpus, Origin};
use crate::raw::RawFile;
use crate::rows::{self, Row, Rows};

pub(super) const HOMEPAGE: &str = "https://github.com/e9t/nsmc";
const NEGATIVE: &str = "negative";
const POSITIVE: &str = "positive";

pub(super) struct Nsmc;

impl Corpus for Nsmc {
    fn name(&self) -> &'static str {
        "nsmc"
    }

    fn licence(&self) -> &'static str {
        "CC0-1.0"
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        vec![
            (
                Split::Train,
                Origin::Url("https://raw.githubusercontent.com/e9t/nsmc/master/ratings_train.txt"),
            ),
            (Split::Test, Origin::Url("https://raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt")),
        ]
    }

    fn labels(&self) -> Option<Vec<String>> {
        Some(vec![NEGATIVE.into(), POSITIVE.into()])
    }

    /// The file looks like pandas' tab-separated output, and is read without quoting: some hundred reviews
    /// begin with a quote that never ends, and a reader of quotes swallows the rows after them.
    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let columns = FileColumns { id: Some("id".into()), text: "document".into(), label: "label".into() };
        let shown = file.shown.clone();
        let rows = rows::open(file, FileFormat::Tsv, &columns)?;
        Ok(Box::new(rows.map(move |row| named(row?, &shown))))
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(150_000),
            Split::Dev => None,
            Split::Test => Some(50_000),
        }
    }
}

fn named(row: Row, shown: &str) -> Result<Row> {
    let label = match row.label.as_str() {
        "0" => NEGATIVE,
        "1" => POSITIVE,
        other => bail!(Fault::input(format!(
            "{shown}, {}: the label `{other}` is neither `0` (negative) nor `1` (positive)",
            row.place
        ))),
    };
    Ok(Row { label: label.to_owned(), ..row })
}
