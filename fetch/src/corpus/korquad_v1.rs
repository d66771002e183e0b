//! KorQuAD 1.0: questions on Korean Wikipedia. The test split is not public.

use anyhow::Result;
use rows::Rows;
use shared::config::{FileColumns, FileFormat};
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};

use super::{Corpus, Origin};
use crate::raw::RawFile;

pub(super) struct KorquadV1;

impl Corpus for KorquadV1 {
    fn name(&self) -> &'static str {
        "korquad-v1"
    }

    /// SPDX has no name for the Korean port.
    fn licence(&self) -> &'static str {
        "CC BY-ND 2.0 KR"
    }

    fn homepage(&self) -> &'static str {
        "https://korquad.github.io"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::QuestionInContext, truth: TruthKind::Answers }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        vec![
            (Split::Train, Origin::Url("https://korquad.github.io/dataset/KorQuAD_v1.0_train.json")),
            (Split::Dev, Origin::Url("https://korquad.github.io/dataset/KorQuAD_v1.0_dev.json")),
        ]
    }

    fn labels(&self) -> Option<Vec<String>> {
        None
    }

    fn rows(&self, file: &RawFile) -> Result<Rows> {
        rows::open(file.input()?, FileFormat::Squad, &FileColumns::default(), self.shape())
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(60_407),
            Split::Dev => Some(5_774),
            Split::Test => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{answers, check, check_refused};

    #[test]
    fn every_question_is_a_row() {
        let question = |id: &str, text: &str, start: u32| {
            format!(
                r#"{{"answers": [{{"text": "{text}", "answer_start": {start}}}], "id": "{id}", "question": "{id}?"}}"#
            )
        };
        let first = format!("{}, {}", question("1-0", "1989년", 0), question("1-1", "임수경", 6));
        let paragraph =
            |context: &str, questions: &str| format!(r#"{{"qas": [{questions}], "context": "{context}"}}"#);
        let paragraphs = [paragraph("1989년 임수경", &first), paragraph("평양", &question("2-0", "평양", 0))];
        let file = format!(r#"{{"data": [{{"paragraphs": [{}], "title": "ㄱ"}}]}}"#, paragraphs.join(", "));
        let expected = [
            (Some("1-0"), "1-0?", Some("1989년 임수경"), answers(&[(0, "1989년")])),
            (Some("1-1"), "1-1?", Some("1989년 임수경"), answers(&[(6, "임수경")])),
            (Some("2-0"), "2-0?", Some("평양"), answers(&[(0, "평양")])),
        ];
        check(&KorquadV1, &file, &expected);
    }

    #[test]
    fn a_question_without_an_id_is_refused() {
        let file = r#"{"data": [{"paragraphs": [{"qas": [{"question": "왜?"}], "context": "ㄱ"}]}]}"#;
        check_refused(&KorquadV1, file, &["corpus.data, row 1", "`id`"]);
        check_refused(&KorquadV1, "[1]", &["corpus.data, row 1", "no JSON object"]);
    }
}
