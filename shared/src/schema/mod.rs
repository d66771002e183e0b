//! Every column of every Parquet file, with typed readers and writers. FORMAT.md describes them for users.

mod examples;
mod features;
mod parquet_file;
mod predictions;

pub use examples::{Example, ExampleReader, ExampleWriter};
pub use features::{Features, FeaturesReader, FeaturesWriter};
pub use parquet_file::ParquetReader;
pub use predictions::{Prediction, PredictionReader, PredictionWriter};

/// Column names: those that the Hugging Face ecosystem uses, where it has one.
pub mod column {
    pub const EXAMPLE_ID: &str = "example_id";
    pub const TEXT: &str = "text";
    pub const LABEL: &str = "label";
    pub const INPUT_IDS: &str = "input_ids";
    pub const ATTENTION_MASK: &str = "attention_mask";
    pub const TOKEN_TYPE_IDS: &str = "token_type_ids";
    pub const LABELS: &str = "labels";
    pub const LENGTH: &str = "length";
    pub const PREDICTED_LABEL: &str = "predicted_label";
    pub const PROBABILITIES: &str = "probabilities";
    pub const LOGITS: &str = "logits";
}
