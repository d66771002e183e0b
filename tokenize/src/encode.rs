//! From examples to features.

use std::collections::HashMap;

use anyhow::{Context, Result};
use rayon::prelude::*;
use shared::fault::Fault;
use shared::schema::{Example, Features};
use shared::tokens::Tokenizer;
use tokenizer::{BoundedTokenizer, Session};

/// Turns examples into features; any number of threads may use it at once.
pub(crate) struct Encoder {
    tokenizer: BoundedTokenizer,
    label_ids: HashMap<String, i64>,
}

/// An example's features, and what the statistics count of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Encoded {
    pub(crate) features: Features,
    pub(crate) truncated: bool,
    /// Tokens that are no special tokens.
    pub(crate) pieces: u64,
    /// Of these, the unknown ones.
    pub(crate) unknown: u64,
}

impl Encoder {
    /// `labels` are in the order of their ids.
    pub(crate) fn new(tokenizer: BoundedTokenizer, labels: &[String]) -> Encoder {
        Encoder { tokenizer, label_ids: labels.iter().cloned().zip(0..).collect() }
    }

    pub(crate) fn tokenizer(&self) -> &BoundedTokenizer {
        &self.tokenizer
    }

    /// Encodes `examples` in parallel on the current thread pool, in their order.
    ///
    /// # Errors
    /// Of the first example that fails, with its id.
    pub(crate) fn encode_batch(&self, examples: &[Example]) -> Result<Vec<Encoded>> {
        // Collected before the errors are looked at, so that the first one in order is reported every time.
        let outcomes: Vec<Result<Encoded>> = examples
            .par_iter()
            .map_init(|| self.tokenizer.session(), |tokenizer, example| self.encode(example, tokenizer))
            .collect();
        outcomes.into_iter().collect()
    }

    fn encode(&self, example: &Example, tokenizer: &mut Session) -> Result<Encoded> {
        let in_example = || format!("example {}", example.example_id);
        let label = self.label_id(&example.label).with_context(in_example)?;
        let tokens = tokenizer.encode(&example.text).with_context(in_example)?;
        let unknown_id = tokenizer.unknown_token_id();
        let input_ids = tokens.ids.iter().map(|&id| i32::try_from(id));
        let token_type_ids = tokens.type_ids.iter().map(|&id| i8::try_from(id));
        Ok(Encoded {
            features: Features {
                example_id: example.example_id.clone(),
                input_ids: input_ids.collect::<Result<_, _>>().with_context(in_example)?,
                token_type_ids: token_type_ids.collect::<Result<_, _>>().with_context(in_example)?,
                label,
            },
            truncated: tokens.truncated,
            pieces: tokens.pieces as u64,
            unknown: tokens.ids.iter().filter(|&&id| Some(id) == unknown_id).count() as u64,
        })
    }

    fn label_id(&self, label: &str) -> Result<i64> {
        self.label_ids.get(label).copied().with_context(|| {
            let mut known: Vec<_> = self.label_ids.iter().collect();
            known.sort_by_key(|&(_, id)| id);
            let known: Vec<_> = known.into_iter().map(|(name, _)| format!("`{name}`")).collect();
            Fault::input(format!("the label `{label}` is not in the list {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Model;

    fn encode(max_seq_length: usize, text: &str, label: &str) -> Result<Vec<Encoded>> {
        let tokenizer = BoundedTokenizer::load(Model::word_piece().path(), max_seq_length).unwrap();
        let encoder = Encoder::new(tokenizer, &["bad".to_owned(), "good".to_owned()]);
        encoder.encode_batch(&[Example { example_id: "7".into(), text: text.into(), label: label.into() }])
    }

    fn check(max_seq_length: usize, text: &str, ids: &[i32], (truncated, pieces, unknown): (bool, u64, u64)) {
        let encoded = encode(max_seq_length, text, "good").unwrap();
        let features = Features {
            example_id: "7".into(),
            input_ids: ids.to_vec(),
            token_type_ids: vec![0; ids.len()],
            label: 1,
        };
        assert_eq!(encoded, [Encoded { features, truncated, pieces, unknown }]);
    }

    #[test]
    fn tokens_are_counted() {
        check(16, "영화가 좋다", &[2, 5, 6, 7, 3], (false, 3, 0));
        check(16, "뷁 좋다", &[2, 1, 7, 3], (false, 2, 1));
        check(16, "", &[2, 3], (false, 0, 0));
    }

    #[test]
    fn a_text_that_just_fits_is_not_truncated() {
        check(5, "좋다 좋다 좋다", &[2, 7, 7, 7, 3], (false, 3, 0));
        check(4, "좋다 좋다 좋다", &[2, 7, 7, 3], (true, 2, 0));
    }

    #[test]
    fn a_label_beyond_the_list_is_refused() {
        let error = encode(16, "좋다", "fine").unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert_eq!(format!("{error:#}"), "example 7: the label `fine` is not in the list `bad`, `good`");
    }
}
