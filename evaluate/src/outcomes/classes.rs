//! One label an example.

use anyhow::Result;
use metrics::{Confusion, log_softmax};
use shared::figures::Metric;
use shared::schema::{Decoded, Prediction};
use tasks::TaskParams;

use super::{Outcomes, collect, mean};

#[derive(Debug)]
pub(super) struct Classes {
    rows: Vec<Row>,
    labels: usize,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    label: usize,
    predicted: usize,
    /// Cross-entropy, in nats.
    loss: f64,
}

impl Classes {
    pub(super) fn of(predictions: &[Prediction], params: &TaskParams) -> Result<Classes> {
        let id = |name: &String| params.labels.iter().position(|label| label == name);
        let row = |prediction: &Prediction| {
            let Decoded::Class { predicted, .. } = &prediction.decoded else { return None };
            let label = id(prediction.truth.as_label()?)?;
            let loss = -log_softmax(&prediction.logits).get(label)?;
            Some(Row { label, predicted: id(predicted)?, loss })
        };
        Ok(Classes { rows: collect(predictions, row)?, labels: params.labels.len() })
    }

    fn confusion(&self, rows: &[usize]) -> Confusion {
        let mut confusion = Confusion::new(self.labels);
        rows.iter().map(|&row| self.rows[row]).for_each(|row| confusion.add(row.label, row.predicted));
        confusion
    }
}

impl Outcomes for Classes {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn figure(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        match metric {
            Metric::Accuracy => {
                let right = rows.iter().filter(|&&row| self.is_right(metric, row) == Some(true)).count();
                (!rows.is_empty()).then(|| right as f64 / rows.len() as f64)
            }
            Metric::MacroF1 => Some(self.confusion(rows).macro_f1()),
            Metric::Loss => mean(rows, |row| self.rows[row].loss),
            _ => None,
        }
    }

    fn is_right(&self, metric: Metric, row: usize) -> Option<bool> {
        let Row { label, predicted, .. } = self.rows[row];
        (metric == Metric::Accuracy).then_some(label == predicted)
    }
}
