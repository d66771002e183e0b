//! The tasks: a file for each holds its encoding, its decoding and its metrics together.

mod classification;
mod constant;
mod encoded;
mod entity_recognition;
#[cfg(test)]
mod fixture;
mod judgement;
mod losses;
mod masked_lm;
mod multi_label;
mod outcome;
mod packing;
mod pair_classification;
mod question_answering;
mod regression;
mod sequence;
mod setting;
mod windows;

use std::fmt::Debug;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::figures::Metric;
use crate::schema::{DecodedKind, Example, ExampleShape, Features, TargetKind, Texts};
use crate::tokens::Tokenizer;

pub use crate::schema::{Decoded, Prediction};
pub use constant::constant_target;
pub use encoded::{Alignment, Encoded};
pub use entity_recognition::{TokenReading, compared_tags};
pub use judgement::{Judgement, judge, prediction};
pub use losses::Loss;
pub use outcome::{Details, MaskedToken, Output, Scores, TokenGuess, Undefined, Window};
pub use setting::Setting;

/// What the model learns to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One label for a text.
    #[default]
    Classification,
    /// One label for two texts.
    PairClassification,
    /// A score of a text.
    Regression,
    /// A score of two texts.
    PairRegression,
    /// Any number of labels for a text.
    MultiLabel,
    /// The names in a text.
    EntityRecognition,
    /// Where in a context a question's answer stands.
    QuestionAnswering,
    /// The tokens that were taken out of a text.
    MaskedLm,
}

/// What a model has on top of its encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputLayer {
    /// Logits of every text.
    Sequence,
    /// Logits of every token.
    Tokens,
    /// Of every token, how well a span begins there, and ends there.
    Span,
    /// Logits of every word of the vocabulary, where a token is masked.
    Vocabulary,
}

/// A task, from examples to metrics. Examples become rows of features, a model makes an [`Output`] of every row,
/// and these become what is said of the example.
pub trait Definition: Debug + Sync {
    fn name(&self) -> &'static str;

    /// The columns of its examples.
    fn shape(&self) -> ExampleShape;

    /// The columns of its features; `labels` are the corpus'.
    fn targets(&self, labels: &[String]) -> TargetKind;

    fn output_layer(&self) -> OutputLayer;

    /// The columns of its predictions.
    fn decoded(&self) -> DecodedKind;

    /// The names of the model's outputs, in the order of their ids.
    fn outputs(&self, setting: &Setting) -> Vec<String> {
        setting.labels.clone()
    }

    /// What a reader of the model's outputs has to know of the training, as a key of config.json that `transformers`
    /// leaves alone, and its value.
    fn note(&self, setting: &Setting) -> Option<(&'static str, Value)> {
        let _ = setting;
        None
    }

    /// The metrics that it has, loss aside.
    fn metrics(&self, setting: &Setting) -> &'static [Metric];

    /// An example as rows of features: one, or a window each where it is longer than the model takes and nothing
    /// may be cut.
    fn encode(
        &self,
        example: &Example,
        setting: &Setting,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>>;

    /// Rows of neighbouring examples put together, where a task may do so.
    fn pack(&self, rows: Vec<Encoded>, tokenizer: &dyn Tokenizer) -> Vec<Encoded> {
        let _ = tokenizer;
        rows
    }

    /// The row's loss, as the training has it, without what `[train]` adds to it.
    fn loss(&self, row: &Features, output: &Output) -> Loss;

    /// What the model says of an example, by the outputs of its rows.
    fn decode(&self, example: &Example, windows: &[Window<'_>], setting: &Setting) -> Result<Decoded>;

    /// The metrics of a whole split, loss aside.
    ///
    /// # Errors
    /// Where predictions are of another task or other labels.
    fn score(&self, predictions: &[Prediction], setting: &Setting) -> Result<Scores>;
}

impl Task {
    pub const ALL: [Task; 8] = [
        Task::Classification,
        Task::PairClassification,
        Task::Regression,
        Task::PairRegression,
        Task::MultiLabel,
        Task::EntityRecognition,
        Task::QuestionAnswering,
        Task::MaskedLm,
    ];

    pub fn definition(self) -> &'static dyn Definition {
        match self {
            Task::Classification => &classification::Classification,
            Task::PairClassification => &pair_classification::PairClassification,
            Task::Regression => &regression::Regression { texts: Texts::One },
            Task::PairRegression => &regression::Regression { texts: Texts::Pair },
            Task::MultiLabel => &multi_label::MultiLabel,
            Task::EntityRecognition => &entity_recognition::EntityRecognition,
            Task::QuestionAnswering => &question_answering::QuestionAnswering,
            Task::MaskedLm => &masked_lm::MaskedLm,
        }
    }
}
