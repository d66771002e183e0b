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

#[cfg(test)]
mod tests {
    use super::*;
    use shared::fault::kind_of;

    fn read(lines: &str) -> Result<Vec<Row>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ratings_train.txt");
        std::fs::write(&path, format!("id\tdocument\tlabel\n{lines}")).unwrap();
        Nsmc.rows(&RawFile::local(&path, String::new()).unwrap())?.collect()
    }

    fn check(lines: &str, expected: &[(&str, &str, &str)]) {
        let rows = read(lines).unwrap();
        let fields: Vec<_> = rows
            .iter()
            .map(|row| (row.id.as_deref().unwrap_or_default(), row.text.as_str(), row.label.as_str()))
            .collect();
        assert_eq!(fields, expected);
    }

    fn check_refused(lines: &str, parts: &[&str]) {
        let error = read(lines).unwrap_err();
        assert_eq!(kind_of(&error).code(), 3);
        let message = format!("{error:#}");
        parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
    }

    #[test]
    fn quotes_empty_documents_and_duplicates_stay() {
        let lines = "1\t\"\"\"별로\"\" 라니\t0\n2\t\"끝나지 않는 따옴표\t1\n3\t\t0\n4\t같다\t1\n5\t같다\t1\n";
        let expected = [
            ("1", "\"\"\"별로\"\" 라니", NEGATIVE),
            ("2", "\"끝나지 않는 따옴표", POSITIVE),
            ("3", "", NEGATIVE),
            ("4", "같다", POSITIVE),
            ("5", "같다", POSITIVE),
        ];
        check(lines, &expected);
    }

    #[test]
    fn crlf_is_no_part_of_a_label() {
        check("1\ta\t1\r\n", &[("1", "a", POSITIVE)]);
    }

    #[test]
    fn bad_rows_are_refused() {
        check_refused("1\ta\t1\n2\ta\tb\t1\n", &["ratings_train.txt, line 3", "4 columns"]);
        check_refused("1\ta\n", &["line 2", "`label` is missing"]);
        check_refused("1\ta\t2\n", &["line 2", "the label `2`"]);
    }
}
