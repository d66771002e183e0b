//! The output of the library with its own truncation and special tokens, for comparison in tests.

use shared::tokens::Tokens;
use tokenizers::utils::truncation::TruncationParams;
use tokenizers::{Encoding, Tokenizer};

use crate::bounded::BoundedTokenizer;

/// The library's tokenizer under the limits of a [`BoundedTokenizer`].
pub(crate) struct Reference {
    unbound: Tokenizer,
    bound: Tokenizer,
}

impl Reference {
    pub(crate) fn of(tokenizer: &BoundedTokenizer) -> Reference {
        let unbound = tokenizer.hugging_face.clone();
        let mut bound = unbound.clone();
        let max_length = tokenizer.max_seq_length();
        let truncation = TruncationParams { max_length, ..TruncationParams::default() };
        bound.with_truncation(Some(truncation)).unwrap();
        Reference { unbound, bound }
    }

    pub(crate) fn encode(&self, text: &str) -> Tokens {
        tokens(&self.bound.encode_fast(text, true).unwrap())
    }

    /// Encodes a pair as `transformers` 4 does: both texts are encoded whole before the pair is truncated.
    ///
    /// Since 0.23 the library stops after `max_length` tokens in each text, and no longer knows which text is longer.
    pub(crate) fn encode_pair(&self, first: &str, second: &str) -> Tokens {
        let [first, mut second] = [first, second].map(|text| self.unbound.encode_fast(text, false).unwrap());
        second.set_type_ids(vec![1; second.len()]);
        tokens(&self.bound.post_process(first, Some(second), true).unwrap())
    }
}

fn tokens(encoding: &Encoding) -> Tokens {
    Tokens {
        ids: encoding.get_ids().to_vec(),
        type_ids: encoding.get_type_ids().to_vec(),
        pieces: encoding.get_special_tokens_mask().iter().filter(|&&special| special == 0).count(),
        truncated: !encoding.get_overflowing().is_empty(),
    }
}
