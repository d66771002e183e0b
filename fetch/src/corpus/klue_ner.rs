//! KLUE-NER: persons, places, organizations, dates, times and quantities, tagged character by character.

use anyhow::Result;
use rows::{Row, Rows, Sentence, Unit};
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use super::{Corpus, Origin};
use crate::raw::RawFile;

pub(super) struct KlueNer;

impl Corpus for KlueNer {
    fn name(&self) -> &'static str {
        "klue-ner"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn homepage(&self) -> &'static str {
        "https://github.com/KLUE-benchmark/KLUE"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::One, truth: TruthKind::Entities }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        vec![
            (
                Split::Train,
                Origin::Url(
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-ner-v1.1/klue-ner-v1.1_train.tsv",
                ),
            ),
            (
                Split::Dev,
                Origin::Url(
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-ner-v1.1/klue-ner-v1.1_dev.tsv",
                ),
            ),
        ]
    }

    fn labels(&self) -> Option<Vec<String>> {
        Some(["PS", "LC", "OG", "DT", "TI", "QT"].map(str::to_owned).into())
    }

    fn rows(&self, file: &RawFile) -> Result<Rows> {
        Ok(Box::new(rows::sentences(file.input()?, Unit::Character)?.map(|sentence| Ok(row(sentence?)))))
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(21_008),
            Split::Dev => Some(5_000),
            Split::Test => None,
        }
    }
}

/// The comment before a sentence is its id, a tab, and the sentence with its entities in brackets, which cannot be
/// told from brackets of the text: the text is that of the tags.
fn row(sentence: Sentence) -> Row {
    let Sentence { place, comment, text, entities } = sentence;
    let id = comment.as_deref().and_then(|comment| comment.split('\t').next()).map(str::to_owned);
    Row { place, id, text, text_pair: None, truth: Truth::Entities(entities) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{check, check_refused, entities};

    #[test]
    fn the_text_is_that_of_the_tags() {
        let head = "## 토큰 구분자 : \\n\n## 컬럼명 : CHAR\tNE_TAG\n";
        let first = "## a_1-wikitree\t<김:PS> <서울:LC>\n김\tB-PS\n \tO\n서\tB-LC\n울\tI-LC\n\n";
        let second = "## a_2-nsmc\t#<1:QT><2:QT>\n#\tO\n1\tB-QT\n2\tB-QT\n\n";
        let expected = [
            (Some("a_1-wikitree"), "김 서울", None, entities(&[(0, 1, "PS"), (2, 4, "LC")])),
            (Some("a_2-nsmc"), "#12", None, entities(&[(1, 2, "QT"), (2, 3, "QT")])),
        ];
        check(&KlueNer, format!("{head}{first}{second}"), &expected);
    }

    #[test]
    fn a_line_without_a_tag_is_refused() {
        check_refused(&KlueNer, "## a\t가\n가\n", &["corpus.data, line 2", "`가`"]);
    }
}
