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
    pub const EXAMPLE_ID: &str = "example_id";
    /// The id of a question in own files.
    pub const ID: &str = "id";
    pub const TEXT: &str = "text";
    pub const TEXT_PAIR: &str = "text_pair";
    pub const QUESTION: &str = "question";
    pub const CONTEXT: &str = "context";
    pub const LABEL: &str = "label";
    pub const SCORE: &str = "score";
    pub const ENTITIES: &str = "entities";
    pub const ANSWERS: &str = "answers";
    /// True for a question without an answer in its context, whatever its answers hold.
    pub const IS_IMPOSSIBLE: &str = "is_impossible";
    pub const TOKENS: &str = "tokens";
    pub const NER_TAGS: &str = "ner_tags";
    pub const INPUT_IDS: &str = "input_ids";
    pub const ATTENTION_MASK: &str = "attention_mask";
    pub const TOKEN_TYPE_IDS: &str = "token_type_ids";
    /// The names of an example's labels, or the targets of features.
    pub const LABELS: &str = "labels";
    pub const START_POSITIONS: &str = "start_positions";
    pub const END_POSITIONS: &str = "end_positions";
    pub const WORD_STARTS: &str = "word_starts";
    pub const OFFSET_STARTS: &str = "offset_starts";
    pub const OFFSET_ENDS: &str = "offset_ends";
    pub const LENGTH: &str = "length";
    pub const PREDICTED_LABEL: &str = "predicted_label";
    pub const PREDICTED_LABELS: &str = "predicted_labels";
    pub const PREDICTED_SCORE: &str = "predicted_score";
    pub const PROBABILITIES: &str = "probabilities";
    pub const PREDICTED_ENTITIES: &str = "predicted_entities";
    pub const LOGITS: &str = "logits";
    pub const PREDICTION_TEXT: &str = "prediction_text";
    pub const N_BEST: &str = "n_best";
    /// Positions of masked tokens; the next two columns belong to them.
    pub const POSITIONS: &str = "positions";
    pub const PREDICTED_IDS: &str = "predicted_ids";
    pub const LOG_PROBABILITIES: &str = "log_probabilities";
    /// Masks in a text; the next columns are their fields.
    pub const MASKS: &str = "masks";
    pub const CANDIDATES: &str = "candidates";
    pub const TOKEN: &str = "token";
    /// Fields of an entity, in characters, and of an answer.
    pub const START: &str = "start";
    pub const END: &str = "end";
    pub const ANSWER_START: &str = "answer_start";
    pub const PROBABILITY: &str = "probability";
}
