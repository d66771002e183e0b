//! Tokens and their offsets in a text.

use std::ops::Range;

use anyhow::Result;
use shared::tokens::Piece;
use tokenizers::Encoding;

/// The tokens of `encoding`, whose offsets are characters of `text`.
///
/// Metaspace counts the space before a word as part of it. The offsets here exclude the space, so that they show the text
/// of the word alone.
pub(crate) fn pieces(text: &str, encoding: &Encoding) -> Result<Vec<Piece>> {
    let (words, length) = (words(text), text.chars().count());
    let mut last_word = None;
    let offsets = encoding.get_offsets().iter();
    let piece = |(&id, &(start, end)): (&u32, &(usize, usize))| {
        let index = words.partition_point(|word| word.end <= start);
        let word = words.get(index);
        let begins_word = word.is_some() && last_word.replace(index) != Some(index);
        let start = word.map_or(length, |word| word.start.max(start));
        let before_end = words.partition_point(|word| word.start < end);
        let last = before_end.checked_sub(1).and_then(|index| words.get(index));
        let end = last.map_or(start, |word| word.end.min(end).max(start));
        Ok(Piece { id, start: u32::try_from(start)?, end: u32::try_from(end)?, begins_word })
    };
    encoding.get_ids().iter().zip(offsets).map(piece).collect()
}

/// The ranges of the words of `text` between whitespace, in characters.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.chars().enumerate().filter(|(_, character)| !character.is_whitespace()) {
        match words.last_mut() {
            Some(word) if word.end == at => word.end = at + 1,
            _ => words.push(at..at + 1),
        }
    }
    words
}
