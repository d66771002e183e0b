//! The tokens that continue a word, in vocabularies that mark them.

use std::collections::HashSet;

use tokenizers::models::ModelWrapper;

use crate::bounded::BoundedTokenizer;

impl BoundedTokenizer {
    /// The ids of the tokens that begin with the vocabulary's `continuing_subword_prefix`; none where it has no such
    /// prefix.
    pub fn continuing_token_ids(&self) -> Option<HashSet<i32>> {
        let prefix = match self.hugging_face.get_model() {
            ModelWrapper::WordPiece(model) => Some(&model.continuing_subword_prefix),
            ModelWrapper::BPE(model) => model.continuing_subword_prefix.as_ref(),
            _ => None,
        };
        let prefix = prefix.filter(|prefix| !prefix.is_empty())?;
        let vocabulary = self.hugging_face.get_vocab(false);
        let continuing = vocabulary.into_iter().filter(|(token, _)| token.starts_with(prefix));
        Some(continuing.filter_map(|(_, id)| i32::try_from(id).ok()).collect())
    }

    /// The id of the unknown token, which stands for text that no token of the vocabulary covers.
    pub fn unknown_token_id(&self) -> Option<u32> {
        self.unknown_token_id
    }
}
