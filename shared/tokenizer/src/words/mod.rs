//! A text's ids, word by word, where that is provably what the library gives for the whole text.
//!
//! The library tracks for every character where it came from, through normalizer, pre-tokenizer and model, which
//! is most of its time, and no id depends on it. Here a text is cut at its spaces, and the pieces of a word are
//! found in a trie: at once where the word has plain characters only, which the normalizer leaves as they are, else
//! after the library's own normalizer, or by the library. Where a word's neighbours may have an influence on it, the
//! caller gives the library the whole text.

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
use locality::{LocalNormalizer, MARK, Runs, WordRule};
use plain::PlainCharacters;
use viterbi::{Arrival, Viterbi};

/// Finds ids word by word, as `tokenizer` would.
pub(crate) struct WordEncoder {
    rule: WordRule,
    runs: Runs,
    normalizer: LocalNormalizer,
    plain: PlainCharacters,
    model: PieceModel,
    /// Tokens that the library takes out of a text before anything else.
    added: Vec<String>,
    /// The ids of a space that no word follows.
    space: Vec<u32>,
}

enum PieceModel {
    WordPiece(Greedy),
    Unigram(Viterbi),
}

/// Buffers that a thread keeps.
#[derive(Default)]
pub(crate) struct Scratch {
    word: Vec<char>,
    arrivals: Vec<Option<Arrival>>,
}

impl WordEncoder {
    /// None where it cannot be proven that the words of a text have no influence on each other in `tokenizer`, or
    /// where its model is another than WordPiece or Unigram.
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
            runs: normalizer.runs()?,
            plain: PlainCharacters::of(&normalizer, &added)?,
            added,
            space: tokenizer.encode_fast(" ", false).ok()?.get_ids().to_vec(),
            normalizer,
            model,
        })
    }

    /// The ids of `text` without special tokens around it: all of them, or the first ones, more than `most`.
    ///
    /// None where the words of this text are not independent. `tokenizer` is the one of [`WordEncoder::of`].
    pub(crate) fn encode(
        &self,
        tokenizer: &Tokenizer,
        text: &str,
        most: usize,
        scratch: &mut Scratch,
    ) -> Option<Vec<u32>> {
        self.walk(tokenizer, text, most, scratch, |_| ())
    }

    /// All ids of `text`, and which of them begin a word. None as of [`WordEncoder::encode`], and where words are
    /// parted by other whitespace than spaces.
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
            // What stands for spaces belongs to the word behind them.
            let new = ids.len() - begins_word.len();
            begins_word.extend((0..new).map(|index| index == 0));
        })?;
        begins_word.resize(ids.len(), false);
        Some(WordStarts { ids, begins_word })
    }

    /// As [`WordEncoder::encode`]; `after_word` is told the ids so far behind each word.
    fn walk(
        &self,
        tokenizer: &Tokenizer,
        text: &str,
        most: usize,
        scratch: &mut Scratch,
        mut after_word: impl FnMut(&[u32]),
    ) -> Option<Vec<u32>> {
        let mut ids = Vec::with_capacity(text.len() / 4);
        let mut words = text.split(' ').enumerate().peekable();
        while let Some((index, word)) = words.next() {
            if word.is_empty() {
                let is_last = words.peek().is_none();
                if index > 0 && (is_last || self.runs == Runs::Kept) {
                    ids.extend_from_slice(&self.space);
                }
                continue;
            }
            // A plain character does not attach to the space before it, so the ids so far stand.
            if ids.len() > most && word.starts_with(|first| self.plain.has(first)) {
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

    /// Appends the ids of `word`, which has characters beyond the plain ones, or what may be an added token.
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

    /// Appends the ids of `word` as the normalizer leaves it. Under [`WordRule::PunctuationApart`] it has plain
    /// characters only.
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

/// Whether [`WordRule::Marked`] leaves `normalized` whole.
fn is_one_word(normalized: &str) -> bool {
    !normalized.is_empty()
        && !normalized.contains(|character: char| character == MARK || character.is_whitespace())
}

/// Whether no word ends between two plain characters.
fn is_inside_word(left: &char, right: &char) -> bool {
    !left.is_ascii_punctuation() && !right.is_ascii_punctuation()
}

/// None where one may reach beyond a word, or is looked for in the normalized text.
fn added_tokens(tokenizer: &Tokenizer) -> Option<Vec<String>> {
    let tokens = tokenizer.get_added_tokens_decoder().into_values();
    tokens.map(|token| (!token.normalized && !token.content.contains(' ')).then_some(token.content)).collect()
}
