//! What the library gives with its own truncation and its own special tokens.

use shared::tokens::Tokens;
use tokenizers::utils::truncation::TruncationParams;
use tokenizers::{EncodeInput, Tokenizer};

use crate::bounded::BoundedTokenizer;

/// The library's tokenizer under the limits of a [`BoundedTokenizer`].
pub(crate) struct Reference(Tokenizer);

impl Reference {
    pub(crate) fn of(tokenizer: &BoundedTokenizer) -> Reference {
        let mut library = tokenizer.library.clone();
        let max_length = tokenizer.max_seq_length();
        let truncation = TruncationParams { max_length, ..TruncationParams::default() };
        library.with_truncation(Some(truncation)).unwrap();
        Reference(library)
    }

    /// One text, or a pair of them.
    pub(crate) fn encode<'a>(&self, input: impl Into<EncodeInput<'a>>) -> Tokens {
        let encoding = self.0.encode_fast(input, true).unwrap();
        Tokens {
            ids: encoding.get_ids().to_vec(),
            type_ids: encoding.get_type_ids().to_vec(),
            pieces: encoding.get_special_tokens_mask().iter().filter(|&&special| special == 0).count(),
            truncated: !encoding.get_overflowing().is_empty(),
        }
    }
}
