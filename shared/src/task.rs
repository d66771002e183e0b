//! The tasks: their names, and the form of their examples, features, predictions and metrics. The crate `tasks` computes.

use serde::{Deserialize, Serialize};

use crate::config::EntityRecognitionConfig;
use crate::metric::Metric;
use crate::schema::{DecodedKind, ExampleShape, TargetKind, Texts, TruthKind};
use metrics::entities::TagScheme;

/// The task of a run.
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
    /// The place in a context where a question's answer stands.
    QuestionAnswering,
    /// The tokens that were taken out of a text.
    MaskedLm,
}

/// The layer that a model has on top of its encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputLayer {
    /// Logits for every text.
    Sequence,
    /// Logits for every token.
    Tokens,
    /// Two logits for every token: that a span begins there, and that it ends there.
    Span,
    /// Logits over the vocabulary for every masked token.
    Vocabulary,
}

impl Task {
    /// All tasks.
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

    /// The name in configs, on command lines and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Task::Classification => "classification",
            Task::PairClassification => "pair_classification",
            Task::Regression => "regression",
            Task::PairRegression => "pair_regression",
            Task::MultiLabel => "multi_label",
            Task::EntityRecognition => "entity_recognition",
            Task::QuestionAnswering => "question_answering",
            Task::MaskedLm => "masked_lm",
        }
    }

    /// The columns of its examples.
    pub fn shape(self) -> ExampleShape {
        let (texts, truth) = match self {
            Task::Classification => (Texts::One, TruthKind::Label),
            Task::PairClassification => (Texts::Pair, TruthKind::Label),
            Task::Regression => (Texts::One, TruthKind::Score),
            Task::PairRegression => (Texts::Pair, TruthKind::Score),
            Task::MultiLabel => (Texts::One, TruthKind::Labels),
            Task::EntityRecognition => (Texts::One, TruthKind::Entities),
            Task::QuestionAnswering => (Texts::QuestionInContext, TruthKind::Answers),
            Task::MaskedLm => (Texts::One, TruthKind::Nothing),
        };
        ExampleShape { texts, truth }
    }

    /// The columns of its features, with the corpus' `labels`.
    pub fn targets(self, labels: &[String]) -> TargetKind {
        match self {
            Task::Classification | Task::PairClassification => TargetKind::Class,
            Task::Regression | Task::PairRegression => TargetKind::Score,
            Task::MultiLabel => TargetKind::Classes(labels.len()),
            Task::EntityRecognition => TargetKind::Tags,
            Task::QuestionAnswering => TargetKind::Span,
            Task::MaskedLm => TargetKind::Words,
        }
    }

    /// The layer on top of the encoder.
    pub fn output_layer(self) -> OutputLayer {
        match self {
            Task::Classification
            | Task::PairClassification
            | Task::Regression
            | Task::PairRegression
            | Task::MultiLabel => OutputLayer::Sequence,
            Task::EntityRecognition => OutputLayer::Tokens,
            Task::QuestionAnswering => OutputLayer::Span,
            Task::MaskedLm => OutputLayer::Vocabulary,
        }
    }

    /// The columns of its predictions.
    pub fn decoded(self) -> DecodedKind {
        match self {
            Task::Classification | Task::PairClassification => DecodedKind::Class,
            Task::Regression | Task::PairRegression => DecodedKind::Score,
            Task::MultiLabel => DecodedKind::LabelSet,
            Task::EntityRecognition => DecodedKind::Entities,
            Task::QuestionAnswering => DecodedKind::Answers,
            Task::MaskedLm => DecodedKind::Masked,
        }
    }

    /// The metrics of a split, beside the loss. The threshold of `multi_label` goes with its metrics; it is no measure to
    /// choose a model by.
    pub fn metrics(self, entities: &EntityRecognitionConfig) -> &'static [Metric] {
        match self {
            Task::Classification | Task::PairClassification => &[Metric::Accuracy, Metric::MacroF1],
            Task::Regression => &[Metric::Pearson, Metric::Spearman],
            Task::PairRegression => &[Metric::Pearson, Metric::Spearman, Metric::F1AtThree],
            Task::MultiLabel => &[Metric::MicroF1, Metric::MacroF1, Metric::RankingPrecision],
            Task::EntityRecognition if entities.scheme == Some(TagScheme::Plain) => {
                &[Metric::Accuracy, Metric::MacroF1]
            }
            Task::EntityRecognition => &[
                Metric::EntityF1,
                Metric::EntityPrecision,
                Metric::EntityRecall,
                Metric::MacroF1,
                Metric::CharacterF1,
            ],
            Task::QuestionAnswering => &[Metric::ExactMatch, Metric::F1],
            Task::MaskedLm => &[Metric::Perplexity, Metric::MaskedAccuracy],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_configs() {
        for task in Task::ALL {
            assert_eq!(serde_json::to_value(task).unwrap(), task.name());
        }
    }
}
