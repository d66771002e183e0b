//! The metrics as a file for programs and as tables for people.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use metrics::ClassMetrics;
use serde::Serialize;
use shared::layout::Split;
use shared::metric::MetricValues;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};
use tasks::{Details, Evaluation};

/// `metrics.json`.
#[derive(Debug, Serialize)]
pub struct Metrics {
    split: Split,
    examples: usize,
    #[serde(flatten)]
    metric_values: MetricValues,
    #[serde(flatten)]
    details: Details,
}

impl Metrics {
    pub(crate) fn new(split: Split, evaluation: &Evaluation) -> Metrics {
        let scores = evaluation.scores.clone();
        let examples = evaluation.predictions.len();
        Metrics { split, examples, metric_values: scores.metric_values, details: scores.details }
    }

    pub(crate) fn are_finite(&self) -> bool {
        self.metric_values.iter().all(|(_, value)| value.is_finite())
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The metrics of each label as a table, where the task has labels, and a line of the overall metrics.
    pub(crate) fn text(&self) -> String {
        let Metrics { split, examples, metric_values, details } = self;
        let table = match details {
            Details::Classes { classes, confusion_matrix } => table(classes, Some(confusion_matrix)),
            Details::Labels { classes } => table(classes, None),
            Details::Nothing => String::new(),
        };
        format!("{table}{split}: {} on {examples} examples", metric_values.sentence())
    }
}

/// Per-class metrics, with the confusion matrix beside them where there is one.
fn table(classes: &[ClassMetrics], confusion_matrix: Option<&Vec<Vec<u64>>>) -> String {
    let mut table = Builder::default();
    let columns = ["label", "precision", "recall", "F1", "examples"].map(str::to_owned);
    let named = classes.iter().filter(|_| confusion_matrix.is_some());
    let predicted = named.map(|class| format!("predicted {}", class.label));
    table.push_record(columns.into_iter().chain(predicted));
    for (row, class) in classes.iter().enumerate() {
        let rates = [class.precision, class.recall, class.f1].map(|rate| format!("{rate:.4}"));
        let counts = confusion_matrix.and_then(|matrix| matrix.get(row)).into_iter().flatten();
        let record = [class.label.clone()].into_iter().chain(rates).chain([class.support.to_string()]);
        table.push_record(record.chain(counts.map(u64::to_string)));
    }
    let mut table = table.build();
    table.with(Style::psql()).modify(Columns::new(1..), Alignment::right());
    format!("{table}\n")
}

#[cfg(test)]
mod tests {
    use metrics::Confusion;
    use shared::metric::Metric;
    use tasks::Scores;

    use super::*;

    #[test]
    fn the_text_holds_every_metric() {
        let mut confusion = Confusion::new(2);
        [(0, 0), (0, 0), (0, 1), (1, 1)]
            .iter()
            .for_each(|&(label, predicted)| confusion.add(label, predicted));
        let labels = ["부정".to_owned(), "긍정".to_owned()];
        let details = Details::Classes {
            classes: confusion.classes(&labels),
            confusion_matrix: confusion.counts().to_vec(),
        };
        let metric_values = [(Metric::Accuracy, confusion.accuracy()), (Metric::Loss, 0.5)].into();
        let evaluation = Evaluation {
            predictions: Vec::new(),
            scores: Scores { metric_values, details, ..Scores::default() },
        };
        let text = Metrics::new(Split::Test, &evaluation).text();
        for part in ["부정", "predicted 긍정", "0.6667", "0.8000", "loss 0.5000, accuracy 0.7500", "test: "]
        {
            assert!(text.contains(part), "{text}\nlacks {part}");
        }
    }
}
