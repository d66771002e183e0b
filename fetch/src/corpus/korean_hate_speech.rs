//! Comments on celebrity news: what bias they show, and whether they offend. The test labels are not public.

use anyhow::{Result, bail};
use rows::{Row, Rows};
use shared::config::{FileColumns, FileFormat};
use shared::fault::Fault;
use shared::layout::Split;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use super::{Corpus, Origin};
use crate::raw::RawFile;

/// The corpus' three columns of labels, the values that say something, and what these are called here. The first column
/// is true where the second says `gender`.
const LABELS: [(&str, &str, &str); 5] = [
    ("contain_gender_bias", "True", "gender_bias"),
    ("bias", "gender", "bias:gender"),
    ("bias", "others", "bias:others"),
    ("hate", "offensive", "hate:offensive"),
    ("hate", "hate", "hate:hate"),
];
const COLUMNS: [(&str, &str); 3] = [("contain_gender_bias", "False"), ("bias", "none"), ("hate", "none")];

pub(super) struct KoreanHateSpeech;

impl Corpus for KoreanHateSpeech {
    fn name(&self) -> &'static str {
        "korean-hate-speech"
    }

    fn licence(&self) -> &'static str {
        "CC-BY-SA-4.0"
    }

    fn homepage(&self) -> &'static str {
        "https://github.com/kocohub/korean-hate-speech"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::One, truth: TruthKind::Labels }
    }

    fn origins(&self) -> Vec<(Split, Origin)> {
        vec![
            (
                Split::Train,
                Origin::Url(
                    "https://raw.githubusercontent.com/kocohub/korean-hate-speech/master/labeled/train.tsv",
                ),
            ),
            (
                Split::Dev,
                Origin::Url(
                    "https://raw.githubusercontent.com/kocohub/korean-hate-speech/master/labeled/dev.tsv",
                ),
            ),
        ]
    }

    fn labels(&self) -> Option<Vec<String>> {
        Some(LABELS.map(|(_, _, label)| label.to_owned()).into())
    }

    /// Quotes are part of the comments. A table's row has one column of labels, so the file is read once for each.
    fn rows(&self, file: &RawFile) -> Result<Rows> {
        let column = |(name, _): (&str, &str)| -> Result<Rows> {
            let columns =
                FileColumns { text: "comments".into(), label: name.into(), ..FileColumns::default() };
            let shape = ExampleShape { truth: TruthKind::Label, ..self.shape() };
            rows::open(file.input()?, FileFormat::Tsv, &columns, shape)
        };
        let [gender, bias, hate] = COLUMNS.map(column);
        let shown = file.shown.clone();
        let rows = gender?.zip(bias?).zip(hate?);
        Ok(Box::new(rows.map(move |((gender, bias), hate)| labelled([gender?, bias?, hate?], &shown))))
    }

    fn known_rows(&self, split: Split) -> Option<u64> {
        match split {
            Split::Train => Some(7_896),
            Split::Dev => Some(471),
            Split::Test => None,
        }
    }
}

/// One row of the same row read for every column of labels.
fn labelled(rows: [Row; 3], shown: &str) -> Result<Row> {
    let mut labels = Vec::new();
    for ((column, nothing), row) in COLUMNS.into_iter().zip(&rows) {
        let value = row.truth.as_label().map_or("", String::as_str);
        let label = LABELS.into_iter().find(|(of, known, _)| *of == column && *known == value);
        match label {
            Some((_, _, label)) => labels.push(label.to_owned()),
            None if value == nothing => {}
            None => {
                bail!(Fault::input(format!("{shown}, {}: `{value}` is no value of `{column}`", row.place)))
            }
        }
    }
    let [row, ..] = rows;
    Ok(Row { truth: Truth::Labels(labels), ..row })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::testing::{check, check_refused};

    const HEADER: &str = "comments\tcontain_gender_bias\tbias\thate\n";

    #[test]
    fn every_column_gives_its_label() {
        let lines = "\"가\tFalse\tnone\tnone\n나\tTrue\tgender\thate\n다\tFalse\tothers\toffensive\n";
        let labels = |labels: &[&str]| Truth::Labels(labels.iter().map(|&label| label.into()).collect());
        let expected = [
            (None, "\"가", None, labels(&[])),
            (None, "나", None, labels(&["gender_bias", "bias:gender", "hate:hate"])),
            (None, "다", None, labels(&["bias:others", "hate:offensive"])),
        ];
        check(&KoreanHateSpeech, format!("{HEADER}{lines}"), &expected);
    }

    #[test]
    fn another_value_is_refused() {
        check_refused(
            &KoreanHateSpeech,
            format!("{HEADER}가\tFalse\tnone\tmild\n"),
            &["line 2", "`mild`", "`hate`"],
        );
    }
}
