//! The metrics of a split, and what they are computed from.

use std::fmt;

use serde::Serialize;

use metrics::ClassMetrics;
use metrics::regression::Uncorrelated;
use shared::metric::{Metric, MetricValues};
use shared::model_output::Output;
use shared::schema::Features;

/// A row of an example with the model's output.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// The row.
    pub features: &'a Features,
    /// The output of the model for it.
    pub output: &'a Output,
}

impl<'a> Window<'a> {
    /// Pairs each of `rows` with its output.
    pub fn all(rows: &'a [Features], outputs: &'a [Output]) -> Vec<Window<'a>> {
        rows.iter().zip(outputs).map(|(features, output)| Window { features, output }).collect()
    }
}

/// The metrics of a split.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// The metrics that have a value.
    pub metric_values: MetricValues,
    /// Metrics of single labels.
    pub details: Details,
    /// The metrics that `figures` lacks.
    pub undefined: Vec<Undefined>,
}

/// A metric that has no value on a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undefined {
    /// The metric.
    pub metric: Metric,
    /// The reason why it has no value.
    pub reason: Uncorrelated,
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not defined, since {}", self.metric.title(), self.reason)
    }
}

/// Metrics of single labels.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Details {
    /// One label a text.
    Classes {
        /// Precision, recall and F1 of every label.
        classes: Vec<ClassMetrics>,
        /// `confusion_matrix[label][predicted]`, in label order.
        confusion_matrix: Vec<Vec<u64>>,
    },
    /// Precision, recall and F1 of every label, for tasks without a confusion matrix.
    Labels {
        /// Precision, recall and F1 of every label.
        classes: Vec<ClassMetrics>,
    },
    #[default]
    /// No details.
    Nothing,
}
