//! A tokenizer whose tokens one sees in the text.

use anyhow::Result;

use crate::tokens::{Framed, Piece, Tokenizer, Tokens};

/// Cuts words into pieces of two characters, the last of one where they are odd. Where more than one space stands
/// before a word, the rest of them is a piece without characters, as Unigram models have it. Frames as BERT does.
#[derive(Debug, Clone, Copy)]
pub(super) struct TwoCharacters {
    pub(super) max_seq_length: usize,
}

impl TwoCharacters {
    pub(super) const CLS: u32 = 1;
    pub(super) const SEP: u32 = 2;
    /// Of a piece with 뷁 in it.
    pub(super) const UNKNOWN: u32 = 3;
    pub(super) const MASK: u32 = 4;
    /// Of a piece without characters.
    pub(super) const SPACE: u32 = 5;

    /// The id of a piece: that of its first character.
    pub(super) fn id(piece: &[char]) -> u32 {
        match piece {
            [] => Self::SPACE,
            piece if piece.contains(&'뷁') => Self::UNKNOWN,
            [first, ..] => u32::from(*first),
        }
    }
}

impl Tokenizer for TwoCharacters {
    fn max_seq_length(&self) -> usize {
        self.max_seq_length
    }

    fn vocab_size(&self) -> usize {
        0x11_0000
    }

    fn unknown_token_id(&self) -> Option<u32> {
        Some(Self::UNKNOWN)
    }

    fn mask_token_id(&self) -> Option<u32> {
        Some(Self::MASK)
    }

    fn token(&self, id: u32) -> Option<String> {
        char::from_u32(id).map(String::from)
    }

    fn encode(&mut self, text: &str) -> Result<Tokens> {
        let mut ids = ids(&self.pieces(text)?);
        let room = self.max_seq_length - self.special_tokens();
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
            if first.len() > second.len() { &mut first } else { &mut second }.pop();
        }
        let Framed { ids, type_ids, .. } = self.frame_pair(&first, &second);
        Ok(Tokens { ids, type_ids, pieces: first.len() + second.len(), truncated })
    }

    fn pieces(&mut self, text: &str) -> Result<Vec<Piece>> {
        let characters: Vec<char> = text.chars().collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < characters.len() {
            let spaces = characters[at..].iter().take_while(|c| c.is_whitespace()).count();
            at += spaces;
            let word: Vec<&[char]> =
                characters[at..].split(|c| c.is_whitespace()).next().unwrap().chunks(2).collect();
            let mut begins_word = true;
            let none = (spaces > 1 && !word.is_empty()).then_some(&[][..]);
            for piece in none.into_iter().chain(word) {
                let [start, end] = [at, at + piece.len()].map(|place| place as u32);
                pieces.push(Piece { id: Self::id(piece), start, end, begins_word });
                (at, begins_word) = (at + piece.len(), false);
            }
        }
        Ok(pieces)
    }

    fn frame(&self, text: &[u32]) -> Framed<1> {
        let ids = [&[Self::CLS], text, &[Self::SEP]].concat();
        Framed { type_ids: vec![0; ids.len()], ids, starts: [1] }
    }

    fn frame_pair(&self, first: &[u32], second: &[u32]) -> Framed<2> {
        let ids = [&[Self::CLS], first, &[Self::SEP], second, &[Self::SEP]].concat();
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

fn ids(pieces: &[Piece]) -> Vec<u32> {
    pieces.iter().map(|piece| piece.id).collect()
}
