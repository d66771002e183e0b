//! `[question_answering]`: the windows of a long context, and the choice of answers.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;

/// The keys of `[question_answering]`, with the names of `run_qa` in `transformers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuestionAnsweringConfig {
    /// The number of tokens that two neighbouring windows of a long context share, as in `transformers`' fast tokenizers.
    /// (In the original BERT code it is the step from one window to the next.)
    pub doc_stride: usize,
    /// The maximum number of tokens of a question; longer questions are truncated.
    pub max_query_length: usize,
    /// The maximum number of tokens of an answer.
    pub max_answer_length: usize,
    /// The number of best answers that are written for each example, from 1 to 20.
    pub n_best: usize,
    /// `always` if every context holds an answer, `sometimes` if an answer may be missing.
    pub answerable: Answerable,
    /// "No answer" is predicted if its score exceeds the score of the best answer by more than this. Used with
    /// `answerable = "sometimes"`.
    pub null_score_diff_threshold: f64,
    /// `counted` if the loss also treats padding as a possible answer, else `excluded`.
    pub loss_padding: LossPadding,
}

/// The positions that the softmax of the span loss covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossPadding {
    /// The tokens of a window.
    #[default]
    Excluded,
    /// The tokens of a window and padding up to `tokenize.max_seq_length`, as in `run_qa`, for comparisons with it. Such
    /// batches are longer and take more time.
    Counted,
}

/// The presence of answers in the contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answerable {
    /// Every context holds an answer, as in SQuAD 1 and KorQuAD 1. The best answer is predicted, however low its score.
    Always,
    /// A context may lack the answer, as in SQuAD 2 and KLUE-MRC. "No answer" is a possible prediction.
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
    /// The number of start positions, and of end positions, that are tried in a window: `n_best_size` of `run_qa`.
    pub const CANDIDATES: usize = 20;

    /// The defaults for windows of `max_seq_length` tokens. The question takes at most a quarter of a window, and so does the
    /// overlap of two windows.
    pub fn for_length(max_seq_length: usize) -> QuestionAnsweringConfig {
        let (all, quarter) = (QuestionAnsweringConfig::default(), max_seq_length / 4);
        QuestionAnsweringConfig {
            doc_stride: all.doc_stride.min(quarter),
            max_query_length: all.max_query_length.min(quarter),
            ..all
        }
    }

    /// Checks the section in a run of this task; other tasks may have shorter windows.
    pub(crate) fn validate(&self, max_seq_length: usize) -> Result<()> {
        let length = self.max_query_length >= 1;
        require(length, "question_answering.max_query_length", "must be at least 1")?;
        // The tokenizer determines the number of special tokens, so they are not counted here.
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
