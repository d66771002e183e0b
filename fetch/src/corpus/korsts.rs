//! KorSTS: the STS benchmark in Korean, pairs of sentences and how alike they are, from 0 to 5.

use anyhow::Result;
use rows::Rows;
use shared::config::{FileColumns, FileFormat};
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};

use super::{Corpus, Origin};
use crate::raw::RawFile;

pub(super) struct Korsts;

impl Corpus for Korsts {
    fn name(&self) -> &'static str {
        "korsts"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn homepage(&self) -> &'static str {
        "https://github.com/kakaobrain/KorNLUDatasets"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::Pair, truth: TruthKind::Score }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        let files = [
            (
                Split::Train,
                "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorSTS/sts-train.tsv",
            ),
            (
                Split::Dev,
                "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorSTS/sts-dev.tsv",
            ),
            (
                Split::Test,
                "https://raw.githubusercontent.com/kakaobrain/KorNLUDatasets/master/KorSTS/sts-test.tsv",
            ),
        ];
        files.map(|(split, url)| (split, Origin::Url(url))).into()
    }

    fn labels(&self) -> Option<Vec<String>> {
        None
    }

    /// Quotes are part of the sentences. The column `id` repeats itself: it counts within a source and a year.
    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let columns =
            FileColumns { text: "sentence1".into(), text_pair: "sentence2".into(), ..FileColumns::default() };
        rows::open(file.input()?, FileFormat::Tsv, &columns, self.shape())
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(5_749),
            Split::Dev => Some(1_500),
            Split::Test => Some(1_379),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{check, check_refused};
    use shared::schema::Truth;

    const HEADER: &str = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\n";

    #[test]
    fn a_row_has_a_score() {
        let line = "main-news\theadlines\t2016\t0001\t3.800\t\"가\t나\n";
        check(&Korsts, format!("{HEADER}{line}"), &[(None, "\"가", Some("나"), Truth::Score(3.8))]);
    }

    #[test]
    fn bad_rows_are_refused() {
        let refused = |line: &str, parts: &[&str]| check_refused(&Korsts, format!("{HEADER}{line}\n"), parts);
        refused("g\tf\t2016\t1\tNaN\t가\t나", &["line 2", "`score` is not a number"]);
        refused("g\tf\t2016\t1\t1.0\t가", &["line 2", "`sentence2` is missing"]);
    }
}
