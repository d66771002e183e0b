//! The Korean part of PAWS-X: pairs with the same words in another order, and whether they still say the same (Yang et
//! al., 2019, <https://arxiv.org/abs/1908.11828>). Train is translated by machine, dev and test by hand.

use anyhow::Result;
use rows::{Row, Rows};
use shared::config::{FileColumns, FileFormat};
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, TruthKind};

use super::codes::named;
use super::{Corpus, Origin};
use crate::raw::RawFile;

const DIFFERENT: &str = "different";
const PARAPHRASE: &str = "paraphrase";
/// Of pairs whose label got lost in translation.
const LOST: &str = "-1";

pub(super) struct PawsXKo;

impl Corpus for PawsXKo {
    fn name(&self) -> &'static str {
        "paws-x-ko"
    }

    fn licence(&self) -> &'static str {
        "free for any purpose, naming Google LLC as the source"
    }

    fn homepage(&self) -> &'static str {
        "https://huggingface.co/datasets/google-research-datasets/paws-x"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::Pair, truth: TruthKind::Label }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        let files = [
            (
                Split::Train,
                "https://huggingface.co/datasets/google-research-datasets/paws-x/resolve/main/ko/train-00000-of-00001.parquet",
            ),
            (
                Split::Dev,
                "https://huggingface.co/datasets/google-research-datasets/paws-x/resolve/main/ko/validation-00000-of-00001.parquet",
            ),
            (
                Split::Test,
                "https://huggingface.co/datasets/google-research-datasets/paws-x/resolve/main/ko/test-00000-of-00001.parquet",
            ),
        ];
        files.map(|(split, url)| (split, Origin::Url(url))).into()
    }

    fn labels(&self) -> Option<Vec<String>> {
        Some([DIFFERENT, PARAPHRASE].map(str::to_owned).into())
    }

    /// Every file counts its rows from 1, so their ids would meet.
    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let columns = FileColumns {
            text: "sentence1".into(),
            text_pair: "sentence2".into(),
            label: "label".into(),
            ..FileColumns::default()
        };
        let rows = rows::open(file.input()?, FileFormat::Parquet, &columns, self.shape())?;
        let labelled = rows.filter(|row| !row.as_ref().is_ok_and(is_lost));
        Ok(named(Box::new(labelled), &file.shown, &[("0", DIFFERENT), ("1", PARAPHRASE)]))
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(49_401),
            Split::Dev | Split::Test => Some(2_000),
        }
    }
}

fn is_lost(row: &Row) -> bool {
    row.truth.as_label().is_some_and(|label| label == LOST)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::corpus::testing::{check, check_refused, label};

    /// As the Hub serves it.
    fn file(rows: &[(i32, &str, &str, i64)]) -> Vec<u8> {
        let columns: [(&str, ArrayRef); 4] = [
            ("id", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.0)))),
            ("sentence1", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)))),
            ("sentence2", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2)))),
            ("label", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.3)))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    #[test]
    fn pairs_get_names_for_labels_and_those_without_are_left_out() {
        let rows = [(1, "가 나", "나 가", 1), (2, "다", "라", -1), (3, "마 바", "바 마", 0)];
        let expected = [
            (None, "가 나", Some("나 가"), label(PARAPHRASE)),
            (None, "마 바", Some("바 마"), label(DIFFERENT)),
        ];
        check(&PawsXKo, file(&rows), &expected);
    }

    #[test]
    fn another_label_is_refused() {
        check_refused(
            &PawsXKo,
            file(&[(1, "a", "b", 2)]),
            &["corpus.data, row 1", "`2`", "`1` (paraphrase)"],
        );
    }
}
