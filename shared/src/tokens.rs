//! The interface of a model's tokenizer for tasks; the crate `tokenizer` implements it.

use anyhow::Result;

/// The share of unknown tokens above which a tokenizer hardly fits its texts.
pub const MOST_UNKNOWN: f64 = 0.05;

/// Counts of unknown tokens and of all tokens of texts, special tokens excluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnknownTokens {
    /// The number of unknown tokens.
    pub unknown: u64,
    /// The number of tokens.
    pub tokens: u64,
}

impl UnknownTokens {
    /// A warning where more than [`MOST_UNKNOWN`] of the tokens are unknown.
    pub fn warning(self) -> Option<String> {
        let share = self.unknown as f64 / self.tokens.max(1) as f64;
        (share > MOST_UNKNOWN).then(|| {
            format!(
                "{:.1} % of the tokens are unknown ([UNK]), and more than {:.0} % say that the model's tokenizer does not \
                 fit these texts: look at their language, at letter case and at `do_lower_case` and `strip_accents` of \
                 tokenizer_config.json, or take another model",
                100.0 * share,
                100.0 * MOST_UNKNOWN
            )
        })
    }
}

/// A token of a text itself, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The id of the piece.
    pub id: u32,
    /// The first of the piece's characters (not bytes) in the text.
    pub start: u32,
    /// The character after its last one; equal to `start` for a piece of white space only.
    pub end: u32,
    /// True for the first piece of a word, a part between whitespace.
    pub begins_word: bool,
}

/// The tokens of a text, without special tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordStarts {
    /// Token ids.
    pub ids: Vec<u32>,
    /// As long as `ids`: [`Piece::begins_word`].
    pub begins_word: Vec<bool>,
}

/// A text, or two, as a model takes them: with special tokens, truncated, not padded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Token ids.
    pub ids: Vec<u32>,
    /// As long as `ids`.
    pub type_ids: Vec<u32>,
    /// The number of `ids` that are tokens of the texts.
    pub pieces: usize,
    /// True where the text was truncated.
    pub truncated: bool,
}

/// The ids of one text or of two with special tokens around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framed<const TEXTS: usize> {
    /// Token ids.
    pub ids: Vec<u32>,
    /// As long as `ids`.
    pub type_ids: Vec<u32>,
    /// The index in `ids` at which each text begins.
    pub starts: [usize; TEXTS],
}

/// A model's tokenizer, bound to the length of a run. Every thread has its own.
pub trait Tokenizer {
    /// The most tokens of one input, special tokens included.
    fn max_seq_length(&self) -> usize;

    /// Ids below it are those that the model has embeddings for.
    fn vocab_size(&self) -> usize;

    /// The id of the unknown token, if there is one.
    fn unknown_token_id(&self) -> Option<u32>;

    /// The id of the mask token; none if the vocabulary has none.
    fn mask_token_id(&self) -> Option<u32>;

    /// The vocabulary's spelling of a token.
    fn token(&self, id: u32) -> Option<String>;

    /// Encodes `text` with special tokens, truncated.
    ///
    /// # Errors
    /// An input fault where an id lies beyond the model's vocabulary; of every method that encodes.
    fn encode(&mut self, text: &str) -> Result<Tokens>;

    /// Encodes two texts with special tokens and token types. Of texts that are too long, the longer one is truncated
    /// first (`longest_first` of `transformers`' fast tokenizers).
    ///
    /// # Errors
    /// A usage fault where the special tokens of a pair leave no room in `max_seq_length`.
    fn encode_pair(&mut self, first: &str, second: &str) -> Result<Tokens>;

    /// All tokens of `text`, without special tokens. Their places are those that `transformers`' fast tokenizers give,
    /// less the whitespace at either end; neither `start` nor `end` ever decreases from a piece to the next one.
    fn pieces(&mut self, text: &str) -> Result<Vec<Piece>>;

    /// The ids of all pieces without their places, which take most of the time.
    fn word_starts(&mut self, text: &str) -> Result<WordStarts> {
        let pieces = self.pieces(text)?;
        let (ids, begins_word) = pieces.iter().map(|piece| (piece.id, piece.begins_word)).unzip();
        Ok(WordStarts { ids, begins_word })
    }

    /// Puts special tokens around the ids of a text. Nothing is truncated.
    fn frame(&self, text: &[u32]) -> Framed<1>;

    /// Puts special tokens around the ids of two texts. Nothing is truncated.
    fn frame_pair(&self, first: &[u32], second: &[u32]) -> Framed<2>;

    /// The number of special tokens around one text.
    fn special_tokens(&self) -> usize;

    /// The number of special tokens around two texts.
    fn special_tokens_of_pair(&self) -> usize;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_unknown_tokens_give_a_warning() {
        let warning = |unknown, tokens| UnknownTokens { unknown, tokens }.warning();
        assert_eq!(warning(0, 0), None);
        assert_eq!(warning(5, 100), None);
        let said = warning(6, 100).unwrap();
        assert!(said.contains("6.0 %") && said.contains("5 %"), "{said}");
    }
}
