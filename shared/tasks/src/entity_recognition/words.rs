//! Words as the units of tags. A word is a stretch of text between white space.

use anyhow::Result;
use metrics::entities::TagSet;
use shared::schema::Offset;

use super::Tagged;
use super::reading::Token;

pub(super) struct Words {
    /// The start and end of each word, in characters.
    spans: Vec<(usize, usize)>,
    /// The word of every character. White space belongs to the word before it.
    of_character: Vec<Option<usize>>,
}

impl Words {
    pub(super) fn of(text: &str) -> Words {
        let mut words = Words { spans: Vec::new(), of_character: Vec::new() };
        let mut within = false;
        for (place, character) in text.chars().enumerate() {
            match (character.is_whitespace(), words.spans.last_mut()) {
                (true, _) => within = false,
                (false, Some(word)) if within => word.1 = place + 1,
                (false, _) => {
                    words.spans.push((place, place + 1));
                    within = true;
                }
            }
            words.of_character.push(words.spans.len().checked_sub(1));
        }
        words
    }

    pub(super) fn places(&self) -> Result<Vec<Offset>> {
        let place = |&(start, end)| Ok(Offset { start: i32::try_from(start)?, end: i32::try_from(end)? });
        self.spans.iter().map(place).collect()
    }

    /// The offsets of tokens, kept only for the first token of each word.
    pub(super) fn first_places(&self, places: &[Offset]) -> Vec<Offset> {
        let mut last = None;
        let first = |place: &Offset| {
            let word = self.word(*place);
            let begins = word.is_some() && word != last;
            last = word.or(last);
            if begins { *place } else { Offset::NOWHERE }
        };
        places.iter().map(first).collect()
    }

    /// The words that have tokens, each with the tag of its first token.
    pub(super) fn tagged(&self, tokens: &[Token], set: &TagSet) -> Result<Vec<Tagged>> {
        let (places, mut last, mut tagged) = (self.places()?, None, Vec::new());
        for token in tokens {
            let word = self.word(token.place).filter(|word| Some(*word) != last);
            if let Some(&place) = word.and_then(|word| places.get(word)) {
                last = word;
                tagged.push(Tagged::new(place, &token.probabilities, set)?);
            }
        }
        Ok(tagged)
    }

    fn word(&self, place: Offset) -> Option<usize> {
        *self.of_character.get(usize::try_from(place.start).ok()?)?
    }
}
