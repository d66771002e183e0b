//! Conversion of examples to features.

use anyhow::Result;
use shared::schema::{Example, TargetKind};
use shared::task::Task;
use tasks::{Encoded, TaskParams};
use tokenizer::BoundedTokenizer;

/// Encodes examples as features. Several threads may use it at once.
pub(crate) struct Encoder {
    tokenizer: BoundedTokenizer,
    task: Task,
    params: TaskParams,
}

impl Encoder {
    pub(crate) fn new(tokenizer: BoundedTokenizer, task: Task, params: TaskParams) -> Encoder {
        Encoder { tokenizer, task, params }
    }

    pub(crate) fn tokenizer(&self) -> &BoundedTokenizer {
        &self.tokenizer
    }

    pub(crate) fn targets(&self) -> TargetKind {
        self.task.targets(&self.params.labels)
    }

    /// Encodes `examples` in parallel on the current thread pool. Returns the rows in the order of the examples.
    ///
    /// # Errors
    /// The error of the first example that fails, with its id.
    pub(crate) fn encode_batch(&self, examples: &[Example]) -> Result<Vec<Encoded>> {
        let rows = self.tokenizer.encode_all(examples, |example, tokenizer| {
            tasks::encode(self.task, example, &self.params, tokenizer)
        })?;
        Ok(tasks::spec(self.task).pack(rows.into_iter().flatten().collect(), &self.tokenizer.session()))
    }
}

#[cfg(test)]
mod tests {
    use shared::schema::{Features, Targets, Truth};
    use tasks::Alignment;

    use super::*;
    use crate::fixture::Model;

    fn encode(max_seq_length: usize, text: &str, label: &str) -> Result<Vec<Encoded>> {
        let tokenizer = BoundedTokenizer::load(Model::word_piece().path(), max_seq_length).unwrap();
        let params =
            TaskParams { labels: vec!["bad".to_owned(), "good".to_owned()], ..TaskParams::default() };
        let encoder = Encoder::new(tokenizer, Task::Classification, params);
        let truth = Truth::Label(label.into());
        encoder.encode_batch(&[Example { example_id: "7".into(), text: text.into(), text_pair: None, truth }])
    }

    fn check(max_seq_length: usize, text: &str, ids: &[i32], (truncated, pieces, unknown): (bool, u64, u64)) {
        let encoded = encode(max_seq_length, text, "good").unwrap();
        let features = Features {
            example_id: "7".into(),
            input_ids: ids.to_vec(),
            token_type_ids: vec![0; ids.len()],
            targets: Targets::Class(1),
            offsets: Vec::new(),
        };
        let alignment = Alignment::default();
        assert_eq!(encoded, [Encoded { features, truncated, pieces, unknown, alignment }]);
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
