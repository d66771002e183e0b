//! The parser of the corpus of Korean hate speech: three columns of labels become one list.

use anyhow::{Result, bail};
use rows::{Row, Rows};
use shared::config::{FileColumns, FileFormat};
use shared::fault::Fault;
use shared::schema::{ExampleShape, Texts, Truth, TruthKind};

use crate::raw::RawFile;

/// The labels in the order of their ids.
pub(super) const LABELS: [&str; 5] =
    ["gender_bias", "bias:gender", "bias:others", "hate:offensive", "hate:hate"];

/// Columns with their values and the labels that these mean. `contain_gender_bias` is true where `bias` is `gender`.
const VALUES: [(&str, &str, &str); 5] = [
    ("contain_gender_bias", "True", LABELS[0]),
    ("bias", "gender", LABELS[1]),
    ("bias", "others", LABELS[2]),
    ("hate", "offensive", LABELS[3]),
    ("hate", "hate", LABELS[4]),
];
/// The columns with the value that means no label.
const COLUMNS: [(&str, &str); 3] = [("contain_gender_bias", "False"), ("bias", "none"), ("hate", "none")];

/// The rows of a file. Quotes are part of the comments. A table's row has one column of labels, so the file is read once
/// for each.
pub(super) fn rows(file: &RawFile) -> Result<Rows> {
    let column = |(name, _): (&str, &str)| -> Result<Rows> {
        let columns = FileColumns { text: "comments".into(), label: name.into(), ..FileColumns::default() };
        let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Label };
        rows::open(file.input()?, FileFormat::Tsv, &columns, shape)
    };
    let [gender, bias, hate] = COLUMNS.map(column);
    let shown = file.shown.clone();
    let rows = gender?.zip(bias?).zip(hate?);
    Ok(Box::new(rows.map(move |((gender, bias), hate)| merged([gender?, bias?, hate?], &shown))))
}

/// Merges the readings of one row, which differ in their column of labels.
fn merged(rows: [Row; 3], shown: &str) -> Result<Row> {
    let mut labels = Vec::new();
    for ((column, nothing), row) in COLUMNS.into_iter().zip(&rows) {
        let value = row.truth.as_label().map_or("", String::as_str);
        let label = VALUES.into_iter().find(|(of, known, _)| *of == column && *known == value);
        match label {
            Some((_, _, label)) => labels.push(label.to_owned()),
            None if value == nothing => {}
            None => {
                bail!(Fault::input(format!("{shown}, {}: `{value}` is not a value of `{column}`", row.place)))
            }
        }
    }
    let [row, ..] = rows;
    Ok(Row { truth: Truth::Labels(labels), ..row })
}
