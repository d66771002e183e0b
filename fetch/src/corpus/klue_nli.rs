//! KLUE-NLI: whether a premise entails a hypothesis.

use anyhow::Result;
use rows::{Row, Rows};
use serde::Deserialize;
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use super::{Corpus, Origin};
use crate::raw::RawFile;

pub(super) struct KlueNli;

#[derive(Deserialize)]
struct Pair {
    guid: String,
    premise: String,
    hypothesis: String,
    gold_label: String,
}

impl Corpus for KlueNli {
    fn name(&self) -> &'static str {
        "klue-nli"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn homepage(&self) -> &'static str {
        "https://github.com/KLUE-benchmark/KLUE"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::Pair, truth: TruthKind::Label }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        vec![
            (
                Split::Train,
                Origin::Url(
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-nli-v1.1/klue-nli-v1.1_train.json",
                ),
            ),
            (
                Split::Dev,
                Origin::Url(
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-nli-v1.1/klue-nli-v1.1_dev.json",
                ),
            ),
        ]
    }

    fn labels(&self) -> Option<Vec<String>> {
        Some(["entailment", "neutral", "contradiction"].map(str::to_owned).into())
    }

    fn rows(&self, file: &RawFile) -> Result<Rows> {
        Ok(Box::new(rows::array::<Pair>(file.input()?)?.map(|(place, pair)| {
            Ok(Row {
                place,
                id: Some(pair.guid),
                text: pair.premise,
                text_pair: Some(pair.hypothesis),
                truth: Truth::Label(pair.gold_label),
            })
        })))
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(24_998),
            Split::Dev => Some(3_000),
            Split::Test => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{check, check_refused, label};

    const PAIR: &str = r#"{"guid": "a_1", "premise": "\"네\"", "hypothesis": "아니오", "gold_label": "contradiction", "author": "neutral"}"#;

    #[test]
    fn a_pair_has_the_gold_label() {
        let truth = label("contradiction");
        check(&KlueNli, format!("[{PAIR}]"), &[(Some("a_1"), "\"네\"", Some("아니오"), truth)]);
    }

    #[test]
    fn a_broken_file_is_refused() {
        check_refused(
            &KlueNli,
            format!("[{PAIR}, {{\"guid\": \"a_2\"}}]"),
            &["corpus.data", "`premise`", "line 1"],
        );
        check_refused(&KlueNli, format!("[{PAIR}"), &["corpus.data", "line 1"]);
    }
}
