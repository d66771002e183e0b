//! The metrics as a file for programs and as tables for people.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use shared::layout::Split;
use shared::metrics::{ClassMetrics, Confusion};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// `metrics.json`.
#[derive(Debug, Serialize)]
pub struct Metrics {
    split: Split,
    examples: u64,
    accuracy: f64,
    macro_f1: f64,
    /// Mean cross-entropy.
    loss: f64,
    classes: Vec<ClassMetrics>,
    /// `confusion_matrix[label][predicted]`, in label order.
    confusion_matrix: Vec<Vec<u64>>,
}

impl Metrics {
    pub(crate) fn new(split: Split, confusion: &Confusion, labels: &[String]) -> Metrics {
        Metrics {
            split,
            examples: confusion.examples(),
            accuracy: confusion.accuracy(),
            macro_f1: confusion.macro_f1(),
            loss: confusion.loss(),
            classes: confusion.classes(labels),
            confusion_matrix: confusion.counts().to_vec(),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Per-class metrics with the confusion matrix beside them, and a line of totals.
    pub(crate) fn table(&self) -> String {
        let mut table = Builder::default();
        let columns = ["label", "precision", "recall", "F1", "examples"].map(str::to_owned);
        let predicted = self.classes.iter().map(|class| format!("predicted {}", class.label));
        table.push_record(columns.into_iter().chain(predicted));
        for (class, counts) in self.classes.iter().zip(&self.confusion_matrix) {
            let rates = [class.precision, class.recall, class.f1].map(|rate| format!("{rate:.4}"));
            let counts = counts.iter().map(u64::to_string);
            let row = [class.label.clone()].into_iter().chain(rates).chain([class.support.to_string()]);
            table.push_record(row.chain(counts));
        }
        let mut table = table.build();
        table.with(Style::psql()).modify(Columns::new(1..), Alignment::right());
        let Metrics { split, examples, accuracy, macro_f1, loss, .. } = self;
        format!(
            "{table}\n{split}: accuracy {accuracy:.4}, macro-F1 {macro_f1:.4}, loss {loss:.4} on {examples} examples"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_figure() {
        let mut confusion = Confusion::new(2);
        for (label, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
            let mut logits = [0.0; 2];
            logits[predicted] = 1.0;
            confusion.add(&logits, label);
        }
        let labels = ["부정".to_owned(), "긍정".to_owned()];
        let table = Metrics::new(Split::Test, &confusion, &labels).table();
        for part in ["부정", "predicted 긍정", "0.6667", "0.8000", "test: accuracy 0.7500", "on 4 examples"]
        {
            assert!(table.contains(part), "{table}\nlacks {part}");
        }
    }
}
