//! Pairs of everyday questions: whether both ask the same.

use anyhow::Result;
use rows::Rows;
use shared::config::{FileColumns, FileFormat};
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};

use super::codes::named;
use super::{Corpus, Origin};
use crate::raw::RawFile;

const DUPLICATE: &str = "duplicate";
const DIFFERENT: &str = "different";

pub(super) struct QuestionPair;

impl Corpus for QuestionPair {
    fn name(&self) -> &'static str {
        "question-pair"
    }

    fn licence(&self) -> &'static str {
        "MIT"
    }

    fn homepage(&self) -> &'static str {
        "https://github.com/songys/Question_pair"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::Pair, truth: TruthKind::Label }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        vec![
            (
                Split::Train,
                Origin::Url(
                    "https://raw.githubusercontent.com/songys/Question_pair/master/kor_pair_train.csv",
                ),
            ),
            (
                Split::Test,
                Origin::Url(
                    "https://raw.githubusercontent.com/songys/Question_pair/master/kor_Pair_test.csv",
                ),
            ),
        ]
    }

    fn labels(&self) -> Option<Vec<String>> {
        Some(vec![DUPLICATE.into(), DIFFERENT.into()])
    }

    /// In the column `is_duplicate`, 0 is a pair that asks the same, and 1 one that does not.
    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let columns = FileColumns {
            text: "question1".into(),
            text_pair: "question2".into(),
            label: "is_duplicate".into(),
            ..FileColumns::default()
        };
        let rows = rows::open(file.input()?, FileFormat::Csv, &columns, self.shape())?;
        Ok(named(rows, &file.shown, &[("0", DUPLICATE), ("1", DIFFERENT)]))
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(6_888),
            Split::Dev => None,
            Split::Test => Some(688),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{check, check_refused, label};

    #[test]
    fn both_files_are_read() {
        let train = "\u{feff}id,qid1,qid2,question1,question2,is_duplicate\r\n1,1,2,\"4월, 이별\",이별,0\r\n";
        check(&QuestionPair, train, &[(None, "4월, 이별", Some("이별"), label(DUPLICATE))]);
        let test = "\u{feff}test_id,question1,question2,is_duplicate,\r\n1,사랑,이별\t,1,\r\n";
        check(&QuestionPair, test, &[(None, "사랑", Some("이별\t"), label(DIFFERENT))]);
    }

    #[test]
    fn another_label_is_refused() {
        let file = "id,question1,question2,is_duplicate\n1,a,b,2\n";
        check_refused(&QuestionPair, file, &["corpus.data, line 2", "`2`", "`0` (duplicate)"]);
    }
}
