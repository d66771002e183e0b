//! What the tasks want of a tokenizer; `shared/tokenizer` has one.

use anyhow::Result;

/// A token of a text, without the special tokens around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub id: u32,
    /// In characters of the text as it was given, as `end`, which is behind the last.
    pub start: u32,
    pub end: u32,
    pub begins_word: bool,
}

/// A text, or two, as the model takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    pub ids: Vec<u32>,
    /// As long as `ids`.
    pub type_ids: Vec<u32>,
    /// Of `ids`, those of the texts themselves.
    pub pieces: usize,
    pub truncated: bool,
}

/// Pieces with special tokens around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framed {
    pub ids: Vec<u32>,
    /// As long as `ids`.
    pub type_ids: Vec<u32>,
    /// Where in `ids` the pieces of the one text begin, or of the second of two.
    pub start: usize,
}

/// A model's tokenizer within the run's limits, for one thread.
pub trait Tokenizer {
    fn max_seq_length(&self) -> usize;

    fn unknown_token_id(&self) -> Option<u32>;

    /// `text` with special tokens, truncated.
    fn encode(&mut self, text: &str) -> Result<Tokens>;

    /// Both texts with special tokens, the longer one truncated first.
    fn encode_pair(&mut self, first: &str, second: &str) -> Result<Tokens>;

    /// All of `text`, without special tokens.
    fn pieces(&mut self, text: &str) -> Result<Vec<Piece>>;

    fn frame(&self, pieces: &[u32]) -> Framed;

    fn frame_pair(&self, first: &[u32], second: &[u32]) -> Framed;

    /// The special tokens of a frame.
    fn special_tokens(&self) -> usize;

    /// The same around two texts.
    fn special_tokens_of_pair(&self) -> usize;
}
