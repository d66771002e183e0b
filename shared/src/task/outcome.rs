//! What comes out of a model, and what is made of it.

use std::fmt;

use serde::Serialize;

use crate::figures::{Figures, Metric};
use crate::metrics::ClassMetrics;
use crate::metrics::regression::Uncorrelated;
use crate::schema::Features;

/// What a model gives for a row of features.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Of a sequence as many as there are labels; of tokens `[seq, labels]`; of a span `[2, seq]`, starts first, with
    /// padding behind the tokens where the loss counts it.
    Logits(Vec<f32>),
    /// What was found behind every mask.
    Masked(Vec<MaskedToken>),
    /// For every mask that stands in the text itself the best tokens, the best first.
    Candidates(Vec<Vec<TokenGuess>>),
}

impl Output {
    /// Empty, where there are none.
    pub fn logits(&self) -> &[f32] {
        match self {
            Output::Logits(logits) => logits,
            Output::Masked(_) | Output::Candidates(_) => &[],
        }
    }
}

/// A guess at a masked token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskedToken {
    /// In the row.
    pub position: usize,
    pub truth: i64,
    pub predicted: i64,
    /// Of the truth, in nats.
    pub log_probability: f32,
}

/// A token of the vocabulary that may stand behind a mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenGuess {
    pub id: i64,
    pub probability: f32,
}

/// A row of an example, and the model's output for it.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    pub features: &'a Features,
    pub output: &'a Output,
}

impl<'a> Window<'a> {
    /// Of each of `rows`, with its output.
    pub fn all(rows: &'a [Features], outputs: &'a [Output]) -> Vec<Window<'a>> {
        rows.iter().zip(outputs).map(|(features, output)| Window { features, output }).collect()
    }
}

/// The metrics of a split.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    pub figures: Figures,
    pub details: Details,
    /// The metrics that `figures` lacks.
    pub undefined: Vec<Undefined>,
}

/// A metric that has no value on a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undefined {
    pub metric: Metric,
    pub reason: Uncorrelated,
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not defined, since {}", self.metric.title(), self.reason)
    }
}

/// What a single number does not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Details {
    Classes {
        classes: Vec<ClassMetrics>,
        /// `confusion_matrix[label][predicted]`, in label order.
        confusion_matrix: Vec<Vec<u64>>,
    },
    /// Precision, recall and F1 of every label, where there is no confusion of one with another.
    Labels { classes: Vec<ClassMetrics> },
    #[default]
    Nothing,
}
