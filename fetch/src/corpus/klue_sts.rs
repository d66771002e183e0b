//! KLUE-STS: how alike two sentences are, from 0 to 5.

use anyhow::Result;
use rows::{Row, Rows};
use serde::Deserialize;
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use super::{Corpus, Origin};
use crate::raw::RawFile;

pub(super) struct KlueSts;

#[derive(Deserialize)]
struct Pair {
    guid: String,
    sentence1: String,
    sentence2: String,
    labels: Labels,
}

/// The mean of the annotators; the corpus also has it rounded, and as two classes.
#[derive(Deserialize)]
struct Labels {
    #[serde(rename = "real-label")]
    real: f64,
}

impl Corpus for KlueSts {
    fn name(&self) -> &'static str {
        "klue-sts"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn homepage(&self) -> &'static str {
        "https://github.com/KLUE-benchmark/KLUE"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::Pair, truth: TruthKind::Score }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        vec![
            (
                Split::Train,
                Origin::Url(
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-sts-v1.1/klue-sts-v1.1_train.json",
                ),
            ),
            (
                Split::Dev,
                Origin::Url(
                    "https://raw.githubusercontent.com/KLUE-benchmark/KLUE/main/klue_benchmark/klue-sts-v1.1/klue-sts-v1.1_dev.json",
                ),
            ),
        ]
    }

    fn labels(&self) -> Option<Vec<String>> {
        None
    }

    fn rows(&self, file: &RawFile) -> Result<Rows> {
        Ok(Box::new(rows::array::<Pair>(file.input()?)?.map(|(place, pair)| {
            Ok(Row {
                place,
                id: Some(pair.guid),
                text: pair.sentence1,
                text_pair: Some(pair.sentence2),
                truth: Truth::Score(pair.labels.real),
            })
        })))
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(11_668),
            Split::Dev => Some(519),
            Split::Test => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{check, check_refused};

    #[test]
    fn the_score_is_the_exact_mean() {
        let labels = r#"{"label": 3.7, "real-label": 3.714285714285714, "binary-label": 1}"#;
        let pair =
            format!(r#"[{{"guid": "a_1", "sentence1": "가", "sentence2": "나", "labels": {labels}}}]"#);
        check(&KlueSts, &pair, &[(Some("a_1"), "가", Some("나"), Truth::Score(3.714285714285714))]);
        check_refused(&KlueSts, pair.replace("real-", ""), &["corpus.data", "real-label"]);
    }
}
