//! Plain text: a document or a paragraph a line. Blank lines, which often part documents, are left out.

use anyhow::Result;
use shared::schema::Truth;

use super::lines::Lines;
use super::{Place, Row};
use crate::raw::RawFile;

pub(super) fn rows(file: &RawFile) -> Result<impl Iterator<Item = Result<Row>> + use<>> {
    let mut lines = Lines::open(file)?;
    let lines = std::iter::from_fn(move || lines.read().transpose());
    let filled = lines.filter(|line| line.as_ref().map_or(true, |(_, text)| !text.trim().is_empty()));
    Ok(filled.map(|line| {
        let (number, text) = line?;
        Ok(Row { place: Place::Line(number), id: None, text, text_pair: None, truth: Truth::Unknown })
    }))
}
