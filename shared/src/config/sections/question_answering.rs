//! `[question_answering]`: windows of contexts, and the choice of answers.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

/// Names as in `transformers`' `run_qa`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuestionAnsweringConfig {
    /// Tokens that a window of a long context shares with the one before it, as in `transformers`' fast tokenizers.
    /// (In BERT's own code it is the step from one window to the next.)
    pub doc_stride: usize,
    /// The most tokens of a question; longer questions are truncated.
    pub max_query_length: usize,
    /// The most tokens of an answer.
    pub max_answer_length: usize,
    /// The number of answers that are kept for an example.
    pub n_best: usize,
    /// Tells whether every context holds the answer.
    pub answerable: Answerable,
    /// No answer is predicted where its score exceeds that of the best answer by more than this.
    pub null_score_diff_threshold: f64,
    /// Tells whether the loss counts padding as a possible answer.
    pub loss_padding: LossPadding,
}

/// The positions of the softmax in the loss of a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossPadding {
    /// The tokens of a window.
    #[default]
    Excluded,
    /// The tokens of a window and padding up to `tokenize.max_seq_length`, as in `run_qa`: for comparisons with it. Such
    /// batches are wider, and take more time.
    Counted,
}

/// Tells whether a context may lack the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answerable {
    /// As in SQuAD 1 and KorQuAD 1: the best answer is predicted, however low its score.
    Always,
    /// As in SQuAD 2 and KLUE-MRC: no answer is a prediction too.
    Sometimes,
}

impl Default for QuestionAnsweringConfig {
    fn default() -> Self {
        QuestionAnsweringConfig {
            doc_stride: 128,
            max_query_length: 64,
            max_answer_length: 30,
            n_best: 5,
            answerable: Answerable::Always,
            null_score_diff_threshold: 0.0,
            loss_padding: LossPadding::Excluded,
        }
    }
}

impl QuestionAnsweringConfig {
    /// The number of first tokens, and of last tokens, that are tried in a window: `n_best_size` of `run_qa`.
    pub const CANDIDATES: usize = 20;

    /// The defaults for windows of `max_seq_length` tokens: the question and the shared tokens of two windows have at most a
    /// quarter of them each.
    pub fn for_length(max_seq_length: usize) -> QuestionAnsweringConfig {
        let (all, quarter) = (QuestionAnsweringConfig::default(), max_seq_length / 4);
        QuestionAnsweringConfig {
            doc_stride: all.doc_stride.min(quarter),
            max_query_length: all.max_query_length.min(quarter),
            ..all
        }
    }

    /// Checks the section of a run of this task; windows of other tasks may be shorter than demanded here.
    pub(crate) fn validate(&self, max_seq_length: usize) -> Result<()> {
        let length = self.max_query_length >= 1;
        require(length, "question_answering.max_query_length", "must be at least 1")?;
        // Special tokens come on top; how many is the tokenizer's matter.
        let room =
            max_seq_length.checked_sub(self.max_query_length).is_some_and(|room| room > self.doc_stride);
        let demand = "must be less than tokenize.max_seq_length less question_answering.max_query_length, or no \
                      window would go on from the one before it";
        require(room, "question_answering.doc_stride", demand)?;
        let answer = self.max_answer_length >= 1;
        require(answer, "question_answering.max_answer_length", "must be at least 1")?;
        let kept = (1..=Self::CANDIDATES).contains(&self.n_best);
        require(kept, "question_answering.n_best", &format!("must lie between 1 and {}", Self::CANDIDATES))?;
        let threshold = self.null_score_diff_threshold.is_finite();
        require(threshold, "question_answering.null_score_diff_threshold", "must be a number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::kind_of;

    fn check(keys: &str, max_seq_length: usize, refused: Option<&str>) {
        let config: QuestionAnsweringConfig = toml::from_str(keys).unwrap();
        let outcome = config.validate(max_seq_length);
        assert_eq!(outcome.is_err(), refused.is_some(), "{keys} {outcome:?}");
        if let (Err(error), Some(part)) = (outcome, refused) {
            assert_eq!(kind_of(&error).code(), 2);
            assert!(format!("{error:#}").contains(part), "{error:#}");
        }
    }

    #[test]
    fn windows_must_advance() {
        check("", 384, None);
        check("", 193, None);
        check("", 192, Some("`question_answering.doc_stride`"));
        check("max_query_length = 400", 384, Some("`question_answering.doc_stride`"));
        check("doc_stride = 0", 65, None);
    }

    #[test]
    fn windows_fit_a_model_with_few_positions() {
        let check = |length, doc_stride, max_query_length| {
            let keys = QuestionAnsweringConfig::for_length(length);
            assert_eq!((keys.doc_stride, keys.max_query_length), (doc_stride, max_query_length));
            keys.validate(length).unwrap();
        };
        check(512, 128, 64);
        check(300, 75, 64);
        check(32, 8, 8);
        check(8, 2, 2);
    }

    #[test]
    fn numbers_lie_in_their_ranges() {
        check("max_query_length = 0", 384, Some("`question_answering.max_query_length`"));
        check("max_answer_length = 0", 384, Some("`question_answering.max_answer_length`"));
        check("n_best = 0", 384, Some("`question_answering.n_best`"));
        check("n_best = 21", 384, Some("between 1 and 20"));
        check("null_score_diff_threshold = nan", 384, Some("null_score_diff_threshold"));
        check("null_score_diff_threshold = -1.5\nanswerable = \"sometimes\"", 384, None);
    }
}
