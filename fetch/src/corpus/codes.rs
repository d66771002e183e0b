//! Labels that a corpus writes as numbers, by name.

use anyhow::{Result, bail};
use rows::{Row, Rows};
use shared::fault::Fault;
use shared::schema::Truth;

/// `rows` with the name of each label in place of its code.
pub(super) fn named(rows: Rows, shown: &str, names: &'static [(&str, &str)]) -> Rows {
    let shown = shown.to_owned();
    Box::new(rows.map(move |row| {
        let row = row?;
        Ok(Row { truth: Truth::Label(name(&row, &shown, names)?), ..row })
    }))
}

fn name(row: &Row, shown: &str, names: &[(&str, &str)]) -> Result<String> {
    let label = row.truth.as_label().map_or("", String::as_str);
    match names.iter().find(|(code, _)| *code == label) {
        Some((_, name)) => Ok((*name).to_owned()),
        None => {
            let known: Vec<String> = names.iter().map(|(code, name)| format!("`{code}` ({name})")).collect();
            let known = known.join(" or ");
            bail!(Fault::input(format!("{shown}, {}: the label `{label}` should be {known}", row.place)))
        }
    }
}
