//! The Naver sentiment movie corpus: Korean movie reviews, negative or positive.

use anyhow::Result;
use rows::Rows;
use shared::config::{FileColumns, FileFormat};
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};

use super::codes::named;
use super::{Corpus, Origin};
use crate::raw::RawFile;

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

    fn homepage(&self) -> &'static str {
        "https://github.com/e9t/nsmc"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::One, truth: TruthKind::Label }
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
        let columns =
            FileColumns { id: Some("id".into()), text: "document".into(), ..FileColumns::default() };
        let rows = rows::open(file.input()?, FileFormat::Tsv, &columns, self.shape())?;
        Ok(named(rows, &file.shown, &[("0", NEGATIVE), ("1", POSITIVE)]))
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(150_000),
            Split::Dev => None,
            Split::Test => Some(50_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{self, check_refused};

    const HEADER: &str = "id\tdocument\tlabel\n";

    fn check(lines: &str, expected: &[(&str, &str, &str)]) {
        let fields = expected.iter().map(|&(id, text, label)| (Some(id), text, None, testing::label(label)));
        testing::check(&Nsmc, format!("{HEADER}{lines}"), &fields.collect::<Vec<_>>());
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
        let refused = |lines: &str, parts: &[&str]| check_refused(&Nsmc, format!("{HEADER}{lines}"), parts);
        refused("1\ta\t1\n2\ta\tb\t1\n", &["corpus.data, line 3", "4 columns"]);
        refused("1\ta\n", &["line 2", "`label` is missing"]);
        refused("1\ta\t2\n", &["line 2", "the label `2`"]);
    }
}
