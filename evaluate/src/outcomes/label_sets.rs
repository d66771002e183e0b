//! Any number of labels an example.

use anyhow::Result;
use metrics::multi_label::label_ranking_average_precision;
use metrics::ranking::Scored;
use metrics::{Counts, macro_f1};
use shared::figures::Metric;
use shared::schema::{Decoded, Prediction};
use tasks::TaskParams;

use super::{Outcomes, collect, mean};

#[derive(Debug)]
pub(super) struct LabelSets {
    rows: Vec<Row>,
    labels: usize,
}

#[derive(Debug)]
struct Row {
    /// One a label, at the threshold that the predicted labels were chosen by.
    counts: Vec<Counts>,
    ranking_precision: f64,
}

impl LabelSets {
    pub(super) fn of(predictions: &[Prediction], params: &TaskParams) -> Result<LabelSets> {
        let row = |prediction: &Prediction| row(prediction, &params.labels);
        Ok(LabelSets { rows: collect(predictions, row)?, labels: params.labels.len() })
    }

    fn counts(&self, rows: &[usize]) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.labels];
        for &row in rows {
            counts.iter_mut().zip(&self.rows[row].counts).for_each(|(all, more)| *all = *all + *more);
        }
        counts
    }
}

impl Outcomes for LabelSets {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn figure(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        match metric {
            Metric::MicroF1 => Some(self.counts(rows).into_iter().sum::<Counts>().f1()),
            Metric::MacroF1 => Some(macro_f1(&self.counts(rows))),
            Metric::RankingPrecision => mean(rows, |row| self.rows[row].ranking_precision),
            _ => None,
        }
    }
}

fn row(prediction: &Prediction, labels: &[String]) -> Option<Row> {
    let Decoded::LabelSet { labels: predicted, probabilities } = &prediction.decoded else { return None };
    let truth = prediction.truth.as_labels()?;
    let counts = labels.iter().map(|label| {
        let (holds, said) = (truth.contains(label), predicted.contains(label));
        Counts { correct: u64::from(holds && said), predicted: u64::from(said), support: u64::from(holds) }
    });
    let scored = labels.iter().zip(probabilities);
    let scored = scored
        .map(|(label, &score)| Scored { score: score.into(), positive: truth.contains(label) })
        .collect();
    Some(Row { counts: counts.collect(), ranking_precision: label_ranking_average_precision(&[scored])? })
}
