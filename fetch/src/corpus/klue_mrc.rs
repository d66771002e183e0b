//! KLUE-MRC: questions on news and Wikipedia, some of which the text does not answer.

use anyhow::Result;
use rows::Rows;
use shared::config::{FileColumns, FileFormat};
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};

use super::{Corpus, Origin};
use crate::raw::RawFile;

pub(super) struct KlueMrc;

impl Corpus for KlueMrc {
    fn name(&self) -> &'static str {
        "klue-mrc"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn homepage(&self) -> &'static str {
        "https://github.com/KLUE-benchmark/KLUE"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::QuestionInContext, truth: TruthKind::Answers }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        vec![
            (
                Split::Train,
                Origin::Url(
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-mrc-v1.1/klue-mrc-v1.1_train.json",
                ),
            ),
            (
                Split::Dev,
                Origin::Url(
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-mrc-v1.1/klue-mrc-v1.1_dev.json",
                ),
            ),
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
            Split::Train => Some(17_554),
            Split::Dev => Some(5_841),
            Split::Test => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{answers, check};

    #[test]
    fn an_impossible_question_has_no_answer() {
        let possible = r#"{"question": "얼마?", "answers": [{"text": "5개", "answer_start": 2}, {"text": "5", "answer_start": 2}],
            "question_type": 1, "is_impossible": false, "guid": "a_1"}"#;
        let impossible = r#"{"question": "왜?", "answers": [], "plausible_answers": [{"text": "모두", "answer_start": 0}],
            "question_type": 3, "is_impossible": true, "guid": "a_2"}"#;
        let paragraph = format!(r#"{{"context": "모두 5개", "qas": [{possible}, {impossible}]}}"#);
        let file =
            format!(r#"{{"version": "v1.1", "data": [{{"title": "ㄱ", "paragraphs": [{paragraph}]}}]}}"#);
        let expected = [
            (Some("a_1"), "얼마?", Some("모두 5개"), answers(&[(2, "5개"), (2, "5")])),
            (Some("a_2"), "왜?", Some("모두 5개"), answers(&[])),
        ];
        check(&KlueMrc, &file, &expected);
    }
}
