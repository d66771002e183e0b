//! Encodes a text word by word, where the result provably equals that of the library for the whole text.
//!
//! The library spends most of its time on the offset of every character through normalizer, pre-tokenizer and model. Ids do
//! not depend on offsets. Here a text is split at its spaces, and the pieces of a word are found in a trie. A word of plain
//! characters needs no normalization. Other words go through the library's normalizer, or through the whole library. Where
//! the neighbours of a word may affect it, the caller passes the whole text to the library.

mod greedy;
mod locality;
mod plain;
mod trie;
mod viterbi;

#[cfg(test)]
mod tests;

use shared::tokens::WordStarts;
use tokenizers::Tokenizer;
use tokenizers::models::ModelWrapper;

use greedy::Greedy;
use locality::{LocalNormalizer, MARK, SpaceRuns, WordRule};
use plain::PlainCharacters;
use viterbi::{Arrival, Viterbi};

/// Finds ids word by word, as `tokenizer` would.
pub(crate) struct WordEncoder {
    rule: WordRule,
    space_runs: SpaceRuns,
    normalizer: LocalNormalizer,
    plain: PlainCharacters,
    model: PieceModel,
    /// Tokens that the library extracts from a text before it normalizes the rest.
    added: Vec<String>,
    /// The ids of a space without a word after it.
    space: Vec<u32>,
}

enum PieceModel {
    WordPiece(Greedy),
    Unigram(Viterbi),
}

/// The buffers of one thread.
#[derive(Default)]
pub(crate) struct Scratch {
    word: Vec<char>,
    arrivals: Vec<Option<Arrival>>,
}

impl WordEncoder {
    /// Builds the encoder for `tokenizer`. None where the words of a text may affect each other, or the model is neither
    /// WordPiece nor Unigram.
    pub(crate) fn of(tokenizer: &Tokenizer, unknown_token_id: Option<u32>) -> Option<WordEncoder> {
        let normalizer = LocalNormalizer::of(tokenizer)?;
        let model = match tokenizer.get_model() {
            ModelWrapper::WordPiece(model) => PieceModel::WordPiece(Greedy::new(model)?),
            ModelWrapper::Unigram(model) => PieceModel::Unigram(Viterbi::new(model, unknown_token_id?)?),
            _ => return None,
        };
        let added = added_tokens(tokenizer)?;
        Some(WordEncoder {
            rule: WordRule::of(tokenizer.get_pre_tokenizer()?)?,
            space_runs: normalizer.space_runs()?,
            plain: PlainCharacters::of(&normalizer, &added)?,
            added,
            space: tokenizer.encode_fast(" ", false).ok()?.get_ids().to_vec(),
            normalizer,
            model,
        })
    }

    /// The ids of `text` without special tokens around it. Where there are more than `limit`, the result may be cut after
    /// more than `limit` of them.
    ///
    /// None where the words of this text are not independent. `tokenizer` must be the one passed to [`WordEncoder::of`].
    pub(crate) fn encode(
        &self,
        tokenizer: &Tokenizer,
        text: &str,
        limit: usize,
        scratch: &mut Scratch,
    ) -> Option<Vec<u32>> {
        self.walk(tokenizer, text, limit, scratch, |_| ())
    }

    /// All ids of `text`, and for each whether it begins a word. None as for [`WordEncoder::encode`], and where whitespace
    /// other than spaces separates words.
    pub(crate) fn word_starts(
        &self,
        tokenizer: &Tokenizer,
        text: &str,
        scratch: &mut Scratch,
    ) -> Option<WordStarts> {
        if text.contains(|character: char| character != ' ' && character.is_whitespace()) {
            return None;
        }
        let mut begins_word = Vec::with_capacity(text.len() / 4);
        let ids = self.walk(tokenizer, text, usize::MAX, scratch, |ids| {
            // The ids of spaces belong to the word after them.
            let new = ids.len() - begins_word.len();
            begins_word.extend((0..new).map(|index| index == 0));
        })?;
        begins_word.resize(ids.len(), false);
        Some(WordStarts { ids, begins_word })
    }

    /// Encodes as [`WordEncoder::encode`] does, and calls `after_word` with the ids so far after each word.
    fn walk(
        &self,
        tokenizer: &Tokenizer,
        text: &str,
        limit: usize,
        scratch: &mut Scratch,
        mut after_word: impl FnMut(&[u32]),
    ) -> Option<Vec<u32>> {
        let mut ids = Vec::with_capacity(text.len() / 4);
        let mut words = text.split(' ').enumerate().peekable();
        while let Some((index, word)) = words.next() {
            if word.is_empty() {
                let is_last = words.peek().is_none();
                if index > 0 && (is_last || self.space_runs == SpaceRuns::Preserved) {
                    ids.extend_from_slice(&self.space);
                }
                continue;
            }
            // A plain character does not attach to the space before it, so the ids so far are final.
            if ids.len() > limit && word.starts_with(|first| self.plain.has(first)) {
                break;
            }
            if word.chars().all(|character| self.plain.has(character)) {
                self.encode_normalized(word, scratch, &mut ids);
            } else {
                self.encode_other(tokenizer, word, scratch, &mut ids)?;
            }
            after_word(&ids);
        }
        Some(ids)
    }

    /// Appends the ids of `word`, which has characters that are not plain or begin an added token.
    fn encode_other(
        &self,
        tokenizer: &Tokenizer,
        word: &str,
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
    ) -> Option<()> {
        if self.added.iter().any(|token| word.contains(token)) {
            return None;
        }
        let normalized = self.normalizer.between_spaces(word)?;
        match self.rule {
            WordRule::PunctuationApart => {
                ids.extend_from_slice(tokenizer.encode_fast(word, false).ok()?.get_ids());
            }
            WordRule::Marked if !is_one_word(&normalized) => return None,
            WordRule::Marked => self.encode_normalized(&normalized, scratch, ids),
        }
        Some(())
    }

    /// Appends the ids of the normalized `word`. With [`WordRule::PunctuationApart`] it must have plain characters only.
    fn encode_normalized(&self, word: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) {
        let Scratch { word: characters, arrivals } = scratch;
        let mark = (self.rule == WordRule::Marked).then_some(MARK);
        characters.clear();
        characters.extend(mark.into_iter().chain(word.chars()));
        let mut encode = |word: &[char]| match &self.model {
            PieceModel::WordPiece(greedy) => greedy.encode(word, ids),
            PieceModel::Unigram(viterbi) => viterbi.encode(word, arrivals, ids),
        };
        match self.rule {
            WordRule::Marked => encode(characters),
            WordRule::PunctuationApart => characters.chunk_by(is_inside_word).for_each(encode),
        }
    }
}

/// Returns whether [`WordRule::Marked`] does not split `normalized`.
fn is_one_word(normalized: &str) -> bool {
    !normalized.is_empty()
        && !normalized.contains(|character: char| character == MARK || character.is_whitespace())
}

/// Returns whether two adjacent plain characters belong to one word.
fn is_inside_word(left: &char, right: &char) -> bool {
    !left.is_ascii_punctuation() && !right.is_ascii_punctuation()
}

/// The added tokens. None where one has a space, or is matched in the normalized text.
fn added_tokens(tokenizer: &Tokenizer) -> Option<Vec<String>> {
    let tokens = tokenizer.get_added_tokens_decoder().into_values();
    tokens.map(|token| (!token.normalized && !token.content.contains(' ')).then_some(token.content)).collect()
}
