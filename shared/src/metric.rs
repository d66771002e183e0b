//! The names of metrics in configs, training logs, manifests and `metrics.json`, and their values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::Best;

/// A metric of some task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The loss of the task.
    Loss,
    /// The share of correct predictions.
    Accuracy,
    /// The mean F1 of the classes.
    MacroF1,
    /// F1 of all labels together.
    MicroF1,
    /// Label-ranking average precision.
    RankingPrecision,
    /// The least probability of a predicted label.
    Threshold,
    /// Pearson's correlation.
    Pearson,
    /// Spearman's rank correlation.
    Spearman,
    /// F1 of "the score is at least 3".
    F1AtThree,
    /// F1 of whole entities.
    EntityF1,
    /// Precision of whole entities.
    EntityPrecision,
    /// Recall of whole entities.
    EntityRecall,
    /// Mean F1 of the tags of characters.
    CharacterF1,
    /// The share of answers that equal a true one.
    ExactMatch,
    /// Mean F1 of the characters of answers.
    F1,
    /// `exp(loss)`.
    Perplexity,
    /// Accuracy on masked tokens.
    MaskedAccuracy,
}

impl Metric {
    /// The snake_case key.
    pub fn key(self) -> &'static str {
        match self {
            Metric::Loss => "loss",
            Metric::Accuracy => "accuracy",
            Metric::MacroF1 => "macro_f1",
            Metric::MicroF1 => "micro_f1",
            Metric::RankingPrecision => "ranking_precision",
            Metric::Threshold => "threshold",
            Metric::Pearson => "pearson",
            Metric::Spearman => "spearman",
            Metric::F1AtThree => "f1_at_three",
            Metric::EntityF1 => "entity_f1",
            Metric::EntityPrecision => "entity_precision",
            Metric::EntityRecall => "entity_recall",
            Metric::CharacterF1 => "character_f1",
            Metric::ExactMatch => "exact_match",
            Metric::F1 => "f1",
            Metric::Perplexity => "perplexity",
            Metric::MaskedAccuracy => "masked_accuracy",
        }
    }

    /// The usual name, for people.
    pub fn title(self) -> &'static str {
        match self {
            Metric::Loss => "loss",
            Metric::Accuracy => "accuracy",
            Metric::MacroF1 => "macro-F1",
            Metric::MicroF1 => "micro-F1",
            Metric::RankingPrecision => "label-ranking average precision",
            Metric::Threshold => "threshold",
            Metric::Pearson => "Pearson's r",
            Metric::Spearman => "Spearman's ρ",
            Metric::F1AtThree => "F1 at 3.0",
            Metric::EntityF1 => "entity F1",
            Metric::EntityPrecision => "entity precision",
            Metric::EntityRecall => "entity recall",
            Metric::CharacterF1 => "character F1",
            Metric::ExactMatch => "exact match",
            Metric::F1 => "F1",
            Metric::Perplexity => "perplexity",
            Metric::MaskedAccuracy => "accuracy on masked tokens",
        }
    }

    /// The end of the metric's range that is best.
    pub fn best(self) -> Best {
        match self {
            Metric::Loss | Metric::Perplexity => Best::Min,
            _ => Best::Max,
        }
    }
}

/// Values by metric.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetricValues(BTreeMap<Metric, f64>);

impl MetricValues {
    /// The value of `metric`, if there is one.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    /// Sets the value of `metric`.
    pub fn set(&mut self, metric: Metric, value: f64) {
        self.0.insert(metric, value);
    }

    /// The metrics with their values.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, f64)> {
        self.0.iter().map(|(&metric, &value)| (metric, value))
    }

    /// As people read them.
    pub fn sentence(&self) -> String {
        let metric_values = self.iter().map(|(metric, value)| format!("{} {value:.4}", metric.title()));
        metric_values.collect::<Vec<_>>().join(", ")
    }
}

impl<const N: usize> From<[(Metric, f64); N]> for MetricValues {
    fn from(metric_values: [(Metric, f64); N]) -> MetricValues {
        MetricValues(metric_values.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::EntityRecognitionConfig;
    use crate::task::Task;

    #[test]
    fn keys_are_those_of_serde() {
        let metric_values = MetricValues::from([(Metric::Loss, 0.5), (Metric::F1AtThree, 0.75)]);
        let json = serde_json::to_string(&metric_values).unwrap();
        assert_eq!(json, r#"{"loss":0.5,"f1_at_three":0.75}"#);
        assert_eq!(serde_json::from_str::<MetricValues>(&json).unwrap(), metric_values);
        let entities = EntityRecognitionConfig::default();
        let of_tasks = Task::ALL.iter().flat_map(|task| task.metrics(&entities));
        let metrics: BTreeSet<Metric> = of_tasks.copied().chain([Metric::Loss, Metric::Threshold]).collect();
        assert!(metrics.len() >= 17, "{metrics:?}");
        for metric in metrics {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.key());
        }
    }
}
