//! Classification: one label for one text or two, such as a sentiment or a topic.

use anyhow::Result;
use metrics::{Confusion, log_softmax};
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Decoded, Example, Features, Prediction};
use shared::tokens::Tokenizer;

use super::{Encoded, Loss, TaskParams, TaskSpec, Window, losses, sequence};
use crate::scores::Details;
use crate::statistics::{Statistics, collect, mean};

#[derive(Debug)]
pub(super) struct Classification;

impl TaskSpec for Classification {
    fn encode(
        &self,
        example: &Example,
        params: &TaskParams,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>> {
        sequence::encode(example, sequence::class_of(example, params)?, tokenizer)
    }

    fn loss(&self, row: &Features, output: &Output) -> Loss {
        losses::cross_entropy(&row.targets, output)
    }

    fn decode(&self, _example: &Example, windows: &[Window<'_>], params: &TaskParams) -> Result<Decoded> {
        sequence::decode_class(windows, params)
    }

    fn statistics(&self, predictions: &[Prediction], params: &TaskParams) -> Result<Box<dyn Statistics>> {
        Ok(Box::new(ClassStatistics::of(predictions, params)?))
    }
}

/// The label, the prediction and the loss of every example.
#[derive(Debug)]
struct ClassStatistics {
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

impl ClassStatistics {
    fn of(predictions: &[Prediction], params: &TaskParams) -> Result<ClassStatistics> {
        let row = |prediction: &Prediction| {
            let Decoded::Class { predicted, .. } = &prediction.decoded else { return None };
            let label = params.label_id(prediction.truth.as_label()?)?;
            let loss = -log_softmax(&prediction.logits).get(label)?;
            Some(Row { label, predicted: params.label_id(predicted)?, loss })
        };
        Ok(ClassStatistics { rows: collect(predictions, row)?, labels: params.labels.len() })
    }

    fn confusion(&self, rows: impl Iterator<Item = Row>) -> Confusion {
        let mut confusion = Confusion::new(self.labels);
        rows.for_each(|row| confusion.add(row.label, row.predicted));
        confusion
    }

    fn confusion_of(&self, rows: &[usize]) -> Confusion {
        self.confusion(rows.iter().map(|&row| self.rows[row]))
    }
}

impl Statistics for ClassStatistics {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn metric(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        match metric {
            Metric::Accuracy => (!rows.is_empty()).then(|| self.confusion_of(rows).accuracy()),
            Metric::MacroF1 => Some(self.confusion_of(rows).macro_f1()),
            Metric::Loss => mean(rows, |row| self.rows[row].loss),
            _ => None,
        }
    }

    fn is_correct(&self, metric: Metric, row: usize) -> Option<bool> {
        let Row { label, predicted, .. } = self.rows[row];
        (metric == Metric::Accuracy).then_some(label == predicted)
    }

    fn details(&self, labels: &[String]) -> Details {
        let confusion = self.confusion(self.rows.iter().copied());
        Details::Classes { classes: confusion.classes(labels), confusion_matrix: confusion.counts().to_vec() }
    }
}
