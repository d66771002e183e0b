//! The use of a tokenizer by one thread.

use anyhow::{Context, Result};
use shared::fault::Fault;
use shared::tokens::{Framed, Piece, Tokenizer, Tokens, WordStarts};

use crate::bounded::BoundedTokenizer;
use crate::words::Scratch;

/// A [`BoundedTokenizer`] with the buffers of one thread.
pub struct Session<'a> {
    tokenizer: &'a BoundedTokenizer,
    scratch: Scratch,
}

impl<'a> Session<'a> {
    pub(crate) fn new(tokenizer: &'a BoundedTokenizer) -> Session<'a> {
        Session { tokenizer, scratch: Scratch::default() }
    }

    fn tokens<const TEXTS: usize>(
        &self,
        framed: Framed<TEXTS>,
        special: usize,
        truncated: bool,
    ) -> Result<Tokens> {
        self.tokenizer.check_ids(&framed.ids)?;
        let Framed { ids, type_ids, .. } = framed;
        Ok(Tokens { pieces: ids.len() - special, ids, type_ids, truncated })
    }

    /// The maximum number of tokens of two texts together.
    fn room_of_pair(&self) -> Result<usize> {
        let (length, special) = (self.max_seq_length(), self.special_tokens_of_pair());
        length.checked_sub(special).filter(|&room| room > 0).with_context(|| {
            Fault::usage(format!(
                "a row has {length} tokens, and the tokenizer adds {special} special ones to a pair of texts, which leaves \
                 none for them; set config key `tokenize.max_seq_length` higher, or take a model with more positions"
            ))
        })
    }
}

impl Tokenizer for Session<'_> {
    fn max_seq_length(&self) -> usize {
        self.tokenizer.max_seq_length()
    }

    fn vocab_size(&self) -> usize {
        self.tokenizer.vocab_size as usize
    }

    fn unknown_token_id(&self) -> Option<u32> {
        self.tokenizer.unknown_token_id
    }

    fn mask_token_id(&self) -> Option<u32> {
        self.tokenizer.mask_token_id
    }

    fn token(&self, id: u32) -> Option<String> {
        self.tokenizer.hugging_face.id_to_token(id)
    }

    fn encode(&mut self, text: &str) -> Result<Tokens> {
        let room = self.max_seq_length() - self.special_tokens();
        let mut ids = self.tokenizer.ids(text, room, &mut self.scratch)?;
        let truncated = ids.len() > room;
        ids.truncate(room);
        self.tokens(self.frame(&ids), self.special_tokens(), truncated)
    }

    fn encode_pair(&mut self, first: &str, second: &str) -> Result<Tokens> {
        let room = self.room_of_pair()?;
        // The whole length of both texts decides how many tokens each keeps.
        let mut ids = |text| self.tokenizer.ids(text, usize::MAX, &mut self.scratch);
        let (mut first, mut second) = (ids(first)?, ids(second)?);
        let truncated = first.len() + second.len() > room;
        let (first_length, second_length) = longest_first(first.len(), second.len(), room);
        first.truncate(first_length);
        second.truncate(second_length);
        self.tokens(self.frame_pair(&first, &second), self.special_tokens_of_pair(), truncated)
    }

    fn pieces(&mut self, text: &str) -> Result<Vec<Piece>> {
        self.tokenizer.pieces(text)
    }

    fn word_starts(&mut self, text: &str) -> Result<WordStarts> {
        self.tokenizer.word_starts(text, &mut self.scratch)
    }

    fn frame(&self, text: &[u32]) -> Framed<1> {
        self.tokenizer.frame.around([text])
    }

    fn frame_pair(&self, first: &[u32], second: &[u32]) -> Framed<2> {
        self.tokenizer.frame_of_pair.around([first, second])
    }

    fn special_tokens(&self) -> usize {
        self.tokenizer.frame.len()
    }

    fn special_tokens_of_pair(&self) -> usize {
        self.tokenizer.frame_of_pair.len()
    }
}

/// The numbers of tokens that two texts of these lengths keep, `room` together. This is the strategy `longest_first` of
/// `transformers`: the longer text loses tokens until both have half. An odd token goes to the longer text, and to the
/// second of two equal ones.
fn longest_first(first: usize, second: usize, room: usize) -> (usize, usize) {
    if first + second <= room {
        return (first, second);
    }
    let shorter = first.min(second).min(room / 2);
    if first > second { (room - shorter, shorter) } else { (shorter, room - shorter) }
}

#[cfg(test)]
mod tests;
