//! Plain text.

use anyhow::{Context, Result};
use shared::fault::Fault;
use shared::schema::{Texts, Truth};

use super::lines::Lines;
use super::{Input, Place, Row};

/// Reads one row from every line, blank lines included. The first tab separates two texts.
pub(super) fn lines(input: Input, texts: Texts) -> Result<impl Iterator<Item = Result<Row>> + use<>> {
    let shown = input.shown.clone();
    let mut lines = Lines::open(input)?;
    let lines = std::iter::from_fn(move || lines.next_line().transpose());
    Ok(lines.map(move |line| {
        let (number, line) = line?;
        let place = Place::Line(number);
        let torn = || {
            Fault::input(format!(
                "{shown}, {place}: there is no tab between {}",
                texts.columns().join(" and ")
            ))
        };
        let (text, text_pair) = match texts {
            Texts::One => (line, None),
            Texts::Pair | Texts::QuestionInContext => {
                let (text, pair) = line.split_once('\t').with_context(torn)?;
                (text.to_owned(), Some(pair.to_owned()))
            }
        };
        Ok(Row { place, id: None, text, text_pair, truth: Truth::Unknown })
    }))
}

/// Reads a document or a paragraph from every line. Blank lines, which often separate documents, are skipped.
pub(super) fn documents(input: Input) -> Result<impl Iterator<Item = Result<Row>> + use<>> {
    let mut lines = Lines::open(input)?;
    let lines = std::iter::from_fn(move || lines.next_line().transpose());
    let filled = lines.filter(|line| line.as_ref().map_or(true, |(_, text)| !text.trim().is_empty()));
    Ok(filled.map(|line| {
        let (number, text) = line?;
        Ok(Row { place: Place::Line(number), id: None, text, text_pair: None, truth: Truth::Unknown })
    }))
}
