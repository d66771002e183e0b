//! Every column of every Parquet file, with typed readers and writers. FORMAT.md describes them for users.

mod examples;
mod features;
mod lists;
mod parquet_file;
mod predictions;

pub use examples::{
    Answer, Entity, Example, ExampleReader, ExampleShape, ExampleWriter, Texts, Truth, TruthKind,
};
pub use features::{Features, FeaturesReader, FeaturesWriter, Offset, TargetKind, Targets};
pub use parquet_file::ParquetReader;
pub use predictions::{
    Candidate, Decoded, DecodedKind, FilledMask, MaskedGuess, PredictedEntity, Prediction, PredictionReader,
    PredictionShape, PredictionWriter, TokenCandidate,
};

/// Column names: those that the Hugging Face ecosystem uses, where it has one.
pub mod column {
    /// The id of an example.
    pub const EXAMPLE_ID: &str = "example_id";
    /// The id of a question in own files.
    pub const ID: &str = "id";
    /// The text, or the first of two.
    pub const TEXT: &str = "text";
    /// The second text.
    pub const TEXT_PAIR: &str = "text_pair";
    /// The question, in own files.
    pub const QUESTION: &str = "question";
    /// The context, in own files.
    pub const CONTEXT: &str = "context";
    /// The label of an example.
    pub const LABEL: &str = "label";
    /// The score of an example.
    pub const SCORE: &str = "score";
    /// The entities of an example.
    pub const ENTITIES: &str = "entities";
    /// The answers of an example.
    pub const ANSWERS: &str = "answers";
    /// True for a question without an answer in its context, whatever its answers hold.
    pub const IS_IMPOSSIBLE: &str = "is_impossible";
    /// The words of a text, in own files.
    pub const TOKENS: &str = "tokens";
    /// The tags of words, in own files.
    pub const NER_TAGS: &str = "ner_tags";
    /// Token ids, padded.
    pub const INPUT_IDS: &str = "input_ids";
    /// 1 on tokens, 0 on padding.
    pub const ATTENTION_MASK: &str = "attention_mask";
    /// 0 on the first text, 1 on the second.
    pub const TOKEN_TYPE_IDS: &str = "token_type_ids";
    /// The names of an example's labels, or the targets of features.
    pub const LABELS: &str = "labels";
    /// The first token of the answer.
    pub const START_POSITIONS: &str = "start_positions";
    /// The last token of the answer.
    pub const END_POSITIONS: &str = "end_positions";
    /// 1 on tokens that begin a word.
    pub const WORD_STARTS: &str = "word_starts";
    /// The first character of every token.
    pub const OFFSET_STARTS: &str = "offset_starts";
    /// The character after the last of every token.
    pub const OFFSET_ENDS: &str = "offset_ends";
    /// The number of tokens of a row.
    pub const LENGTH: &str = "length";
    /// The predicted label.
    pub const PREDICTED_LABEL: &str = "predicted_label";
    /// The predicted labels.
    pub const PREDICTED_LABELS: &str = "predicted_labels";
    /// The predicted score.
    pub const PREDICTED_SCORE: &str = "predicted_score";
    /// Probabilities in label order.
    pub const PROBABILITIES: &str = "probabilities";
    /// The predicted entities.
    pub const PREDICTED_ENTITIES: &str = "predicted_entities";
    /// The logits of a whole text.
    pub const LOGITS: &str = "logits";
    /// The best answer.
    pub const PREDICTION_TEXT: &str = "prediction_text";
    /// The best answers.
    pub const N_BEST: &str = "n_best";
    /// Positions of masked tokens; the next two columns belong to them.
    pub const POSITIONS: &str = "positions";
    /// Predicted token ids.
    pub const PREDICTED_IDS: &str = "predicted_ids";
    /// Log-probabilities of the true tokens.
    pub const LOG_PROBABILITIES: &str = "log_probabilities";
    /// Masks in a text; the next columns are their fields.
    pub const MASKS: &str = "masks";
    /// The candidates of a mask.
    pub const CANDIDATES: &str = "candidates";
    /// A candidate.
    pub const TOKEN: &str = "token";
    /// Fields of an entity, in characters, and of an answer.
    pub const START: &str = "start";
    /// The character after the last.
    pub const END: &str = "end";
    /// The first character of an answer.
    pub const ANSWER_START: &str = "answer_start";
    /// A probability.
    pub const PROBABILITY: &str = "probability";
}
