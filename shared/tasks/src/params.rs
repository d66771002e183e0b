//! The parameters of a task.

use anyhow::{Context, Result};
use shared::config::{Config, EntityRecognitionConfig, QuestionAnsweringConfig};
use shared::fault::Fault;
use shared::names::listed;

use super::TokenReading;

/// The labels of the corpus, and the keys of the task's config section.
#[derive(Debug, Clone, Default)]
pub struct TaskParams {
    /// Labels in the order of their ids.
    pub labels: Vec<String>,
    /// The least probability of a predicted label (`multi_label`).
    pub threshold: Option<f64>,
    /// The keys of `[question_answering]`.
    pub question_answering: QuestionAnsweringConfig,
    /// The keys of `[entity_recognition]`.
    pub entity_recognition: EntityRecognitionConfig,
    /// The tags of a foreign model, in the order of its outputs; empty if the tags follow from `labels`.
    pub tags: Vec<String>,
    /// The aggregation of token tags, as in the pipelines of `transformers`; none decodes as in training.
    pub reading: Option<TokenReading>,
}

impl TaskParams {
    /// The parameters of a run with the labels of its corpus.
    pub fn new(config: &Config, labels: Vec<String>) -> TaskParams {
        TaskParams {
            labels,
            threshold: None,
            question_answering: config.question_answering.clone(),
            entity_recognition: config.entity_recognition.clone(),
            tags: Vec::new(),
            reading: None,
        }
    }

    /// The id of a label; none for a label that the corpus lacks.
    pub(crate) fn label_id(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|known| known == label)
    }

    /// The id of a label that the corpus must have.
    ///
    /// # Errors
    /// A [`Fault::input`] that lists the labels of the corpus, if it lacks this label.
    pub(crate) fn known_id(&self, label: &str) -> Result<usize> {
        let unknown =
            || Fault::input(format!("the label `{label}` is not in the list {}", listed(&self.labels)));
        self.label_id(label).with_context(unknown)
    }
}
