//! A tokenizer for the tests of the tasks.

use anyhow::Result;

use shared::tokens::{Framed, Piece, Tokenizer, Tokens};

pub(super) const CLS: u32 = 0;
pub(super) const SEP: u32 = 1;
pub(super) const UNKNOWN: u32 = 2;
pub(super) const MASK: u32 = 3;
/// A space after a space, like the lone `▁` of SentencePiece.
pub(super) const SPACE: u32 = 4;
/// The id of the vocabulary's first piece.
pub(super) const FIRST: u32 = 5;

/// A greedy tokenizer: each word is split into the longest matching pieces, or is one unknown token.
pub(super) struct FixtureTokenizer {
    vocabulary: Vec<Vec<char>>,
    max_seq_length: usize,
}

impl FixtureTokenizer {
    /// `vocabulary` lists the pieces, separated by spaces.
    pub(super) fn new(vocabulary: &str, max_seq_length: usize) -> FixtureTokenizer {
        let vocabulary = vocabulary.split(' ').map(|piece| piece.chars().collect()).collect();
        FixtureTokenizer { vocabulary, max_seq_length }
    }

    /// The pieces of the word at `start`.
    fn cut(&self, word: &[char], start: usize) -> Vec<Piece> {
        let (mut pieces, mut at) = (Vec::new(), 0);
        while let Some(rest) = word.get(at..).filter(|rest| !rest.is_empty()) {
            let fitting = self.vocabulary.iter().zip(FIRST..).filter(|(piece, _)| rest.starts_with(piece));
            let Some((piece, id)) = fitting.max_by_key(|(piece, _)| piece.len()) else {
                return vec![piece_at(UNKNOWN, start, start + word.len(), true)];
            };
            pieces.push(piece_at(id, start + at, start + at + piece.len(), at == 0));
            at += piece.len();
        }
        pieces
    }
}

fn piece_at(id: u32, start: usize, end: usize, begins_word: bool) -> Piece {
    Piece { id, start: start as u32, end: end as u32, begins_word }
}

fn ids(pieces: &[Piece]) -> Vec<u32> {
    pieces.iter().map(|piece| piece.id).collect()
}

impl Tokenizer for FixtureTokenizer {
    fn max_seq_length(&self) -> usize {
        self.max_seq_length
    }

    fn vocab_size(&self) -> usize {
        FIRST as usize + self.vocabulary.len()
    }

    fn unknown_token_id(&self) -> Option<u32> {
        Some(UNKNOWN)
    }

    fn mask_token_id(&self) -> Option<u32> {
        Some(MASK)
    }

    fn token(&self, id: u32) -> Option<String> {
        let piece = self.vocabulary.get(id.checked_sub(FIRST)? as usize)?;
        Some(piece.iter().collect())
    }

    fn encode(&mut self, text: &str) -> Result<Tokens> {
        let (mut ids, room) = (ids(&self.pieces(text)?), self.max_seq_length - self.special_tokens());
        let truncated = ids.len() > room;
        ids.truncate(room);
        let Framed { ids: framed, type_ids, .. } = self.frame(&ids);
        Ok(Tokens { ids: framed, type_ids, pieces: ids.len(), truncated })
    }

    fn encode_pair(&mut self, first: &str, second: &str) -> Result<Tokens> {
        let (mut first, mut second) = (ids(&self.pieces(first)?), ids(&self.pieces(second)?));
        let room = self.max_seq_length - self.special_tokens_of_pair();
        let truncated = first.len() + second.len() > room;
        while first.len() + second.len() > room {
            if first.len() > second.len() {
                first.pop()
            } else {
                second.pop()
            };
        }
        let Framed { ids, type_ids, .. } = self.frame_pair(&first, &second);
        Ok(Tokens { ids, type_ids, pieces: first.len() + second.len(), truncated })
    }

    fn pieces(&mut self, text: &str) -> Result<Vec<Piece>> {
        let characters: Vec<char> = text.chars().collect();
        let (mut pieces, mut start) = (Vec::new(), 0);
        for word in characters.split(|character| character.is_whitespace()) {
            match word {
                [] => pieces.push(piece_at(SPACE, start, start, false)),
                word => pieces.extend(self.cut(word, start)),
            }
            start += word.len() + 1;
        }
        // A space at the end of a text gives no piece.
        pieces.retain(|piece| (piece.start as usize) < characters.len());
        Ok(pieces)
    }

    fn frame(&self, text: &[u32]) -> Framed<1> {
        let ids = [&[CLS], text, &[SEP]].concat();
        Framed { type_ids: vec![0; ids.len()], ids, starts: [1] }
    }

    fn frame_pair(&self, first: &[u32], second: &[u32]) -> Framed<2> {
        let ids = [&[CLS], first, &[SEP], second, &[SEP]].concat();
        let type_ids = [vec![0; first.len() + 2], vec![1; second.len() + 1]].concat();
        Framed { ids, type_ids, starts: [1, first.len() + 2] }
    }

    fn special_tokens(&self) -> usize {
        2
    }

    fn special_tokens_of_pair(&self) -> usize {
        3
    }
}
