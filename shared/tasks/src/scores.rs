//! The metrics of a split.

use std::fmt;

use serde::Serialize;

use metrics::ClassMetrics;
use metrics::regression::Uncorrelated;
use shared::metric::{Metric, MetricValues};
use shared::model_output::Output;
use shared::schema::Features;

/// A row of an example with the output of the model.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// The row.
    pub features: &'a Features,
    /// The output of the model for the row.
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
    /// The metrics that are missing in `metric_values`.
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
    /// The details of a task with one label per text.
    Classes {
        /// Precision, recall and F1 of every label.
        classes: Vec<ClassMetrics>,
        /// `[label][predicted]`: numbers of examples, in the order of the label ids.
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
