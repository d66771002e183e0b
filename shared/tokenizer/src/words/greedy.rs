//! WordPiece by greedy search: the longest piece at the start of a word, then at the start of the rest.

use tokenizers::Model;
use tokenizers::models::wordpiece::WordPiece;

use super::trie::Trie;

/// The pieces of a [`WordPiece`] model.
pub(super) struct Greedy {
    /// Pieces that may begin a word.
    first: Trie,
    /// Pieces that may continue a word, without their prefix (`##`).
    later: Trie,
    unknown: u32,
    /// The maximum number of characters in a word; longer words are unknown.
    max_word_chars: usize,
}

impl Greedy {
    /// None where the vocabulary lacks the unknown token.
    pub(super) fn new(model: &WordPiece) -> Option<Greedy> {
        let vocab = model.get_vocab();
        let tokens = || vocab.iter().map(|(token, &id)| (token.as_str(), id));
        let prefix = model.continuing_subword_prefix.as_str();
        Some(Greedy {
            first: Trie::new(tokens()),
            later: Trie::new(tokens().filter_map(|(token, id)| Some((token.strip_prefix(prefix)?, id)))),
            unknown: model.token_to_id(&model.unk_token)?,
            max_word_chars: model.max_input_chars_per_word,
        })
    }

    /// Appends the ids of `word`. A word that cannot be split into pieces becomes one unknown token.
    pub(super) fn encode(&self, word: &[char], ids: &mut Vec<u32>) {
        let before = ids.len();
        let (mut pieces, mut rest) = (&self.first, word);
        while !rest.is_empty() {
            let longest = pieces.prefixes(rest).last();
            let Some((length, id)) = longest.filter(|_| word.len() <= self.max_word_chars) else {
                ids.truncate(before);
                ids.push(self.unknown);
                return;
            };
            ids.push(id);
            (pieces, rest) = (&self.later, &rest[length..]);
        }
    }
}
