//! KorNLI: SNLI and MultiNLI translated by machine to train on, XNLI by hand to measure with.

use anyhow::Result;
use rows::Rows;
use shared::config::{FileColumns, FileFormat};
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};

use super::{Corpus, Origin};
use crate::raw::RawFile;

pub(super) struct Kornli;

impl Corpus for Kornli {
    fn name(&self) -> &'static str {
        "kornli"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn homepage(&self) -> &'static str {
        "https://github.com/kakaobrain/KorNLUDatasets"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::Pair, truth: TruthKind::Label }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        let files = [
            (
                Split::Train,
                "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorNLI/multinli.train.ko.tsv",
            ),
            (
                Split::Train,
                "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorNLI/snli_1.0_train.ko.tsv",
            ),
            (
                Split::Dev,
                "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorNLI/xnli.dev.ko.tsv",
            ),
            (
                Split::Test,
                "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorNLI/xnli.test.ko.tsv",
            ),
        ];
        files.map(|(split, url)| (split, Origin::Url(url))).into()
    }

    fn labels(&self) -> Option<Vec<String>> {
        Some(["entailment", "neutral", "contradiction"].map(str::to_owned).into())
    }

    /// Quotes are part of the sentences.
    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let columns = FileColumns {
            text: "sentence1".into(),
            text_pair: "sentence2".into(),
            label: "gold_label".into(),
            ..FileColumns::default()
        };
        rows::open(file.input()?, FileFormat::Tsv, &columns, self.shape())
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(392_702 + 550_152),
            Split::Dev => Some(2_490),
            Split::Test => Some(5_010),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{check, check_refused, label};

    const HEADER: &str = "sentence1\tsentence2\tgold_label\n";

    #[test]
    fn quotes_are_part_of_the_sentences() {
        let line = "\"엄마, 저 왔어요.\t\"네\tneutral\n";
        let expected = [(None, "\"엄마, 저 왔어요.", Some("\"네"), label("neutral"))];
        check(&Kornli, format!("{HEADER}{line}"), &expected);
    }

    #[test]
    fn a_short_row_is_refused() {
        check_refused(
            &Kornli,
            format!("{HEADER}a\tb\n"),
            &["corpus.data, line 2", "`gold_label` is missing"],
        );
    }
}
