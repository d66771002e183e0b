//! What a task is told of the run.

use anyhow::{Context, Result};

use super::TokenReading;
use shared::config::{Config, EntityRecognitionConfig, QuestionAnsweringConfig};
use shared::fault::Fault;
use shared::names::listed;

/// The labels of the corpus, and the keys of the config that a task has for itself.
#[derive(Debug, Clone, Default)]
pub struct TaskParams {
    /// In the order of their ids.
    pub labels: Vec<String>,
    /// The probability from which on a label holds, where any number may.
    pub threshold: Option<f64>,
    pub question_answering: QuestionAnsweringConfig,
    pub entity_recognition: EntityRecognitionConfig,
    /// The tags of a model that was not trained here, in the order of its outputs; empty where they follow from
    /// `labels`.
    pub tags: Vec<String>,
    /// How a model's tags are put together where it is asked as `transformers` asks it.
    pub reading: Option<TokenReading>,
}

impl TaskParams {
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

    /// The id of a label of the corpus.
    pub(crate) fn label_id(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|known| known == label)
    }

    /// The same of a label that must be there.
    ///
    /// # Errors
    /// A [`Fault::input`] that names the labels of the corpus where this is none of them.
    pub(crate) fn known_id(&self, label: &str) -> Result<usize> {
        let unknown =
            || Fault::input(format!("the label `{label}` is not in the list {}", listed(&self.labels)));
        self.label_id(label).with_context(unknown)
    }
}
