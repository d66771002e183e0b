//! What a task is told of the run.

use crate::config::{Config, QuestionAnsweringConfig};

/// The labels of the corpus, and the keys of the config that a task has for itself.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// In the order of their ids.
    pub labels: Vec<String>,
    /// The probability from which on a label holds, where any number may.
    pub threshold: Option<f64>,
    pub question_answering: QuestionAnsweringConfig,
}

impl Setting {
    pub fn new(config: &Config, labels: Vec<String>) -> Setting {
        Setting { labels, threshold: None, question_answering: config.question_answering.clone() }
    }

    /// The id of a label of the corpus.
    pub(crate) fn label_id(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|known| known == label)
    }
}
