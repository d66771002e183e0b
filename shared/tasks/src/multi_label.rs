//! Multi-label classification: any number of labels for a text, such as kinds of abuse or topics.

use anyhow::{Context, Result, ensure};
use metrics::multi_label::{DEFAULT_THRESHOLD, best_threshold, classes, label_ranking_average_precision};
use metrics::ranking::Scored;
use metrics::{Counts, macro_f1, sigmoid};
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Decoded, Example, Features, Prediction, Targets, Truth};
use shared::tokens::Tokenizer;

use super::{Details, Encoded, Loss, TaskParams, TaskSpec, Window, losses, sequence};
use crate::statistics::{Statistics, collect, mean};

#[derive(Debug)]
pub(super) struct MultiLabel;

impl TaskSpec for MultiLabel {
    fn encode(
        &self,
        example: &Example,
        params: &TaskParams,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>> {
        sequence::encode(example, classes_of(example, params)?, tokenizer)
    }

    fn loss(&self, row: &Features, output: &Output) -> Loss {
        losses::binary_cross_entropy(&row.targets, output)
    }

    fn decode(&self, _example: &Example, windows: &[Window<'_>], params: &TaskParams) -> Result<Decoded> {
        let probabilities = sigmoid(sequence::logits(windows)?);
        ensure!(probabilities.len() == params.labels.len(), "the model has other labels");
        let threshold = params.threshold.unwrap_or(DEFAULT_THRESHOLD);
        let pairs = params.labels.iter().zip(&probabilities);
        let holding = pairs.filter(|(_, probability)| f64::from(**probability) >= threshold);
        Ok(Decoded::LabelSet { labels: holding.map(|(label, _)| label.clone()).collect(), probabilities })
    }

    fn best_threshold(&self, predictions: &[Prediction], params: &TaskParams) -> Result<Option<f64>> {
        let rows = collect(predictions, |prediction| scored(prediction, params))?;
        Ok(Some(best_threshold(&rows)))
    }

    fn statistics(&self, predictions: &[Prediction], params: &TaskParams) -> Result<Box<dyn Statistics>> {
        Ok(Box::new(LabelStatistics::of(predictions, params)?))
    }
}

/// The targets, `[labels]`: 1 for every label of the example, else 0.
fn classes_of(example: &Example, params: &TaskParams) -> Result<Targets> {
    match &example.truth {
        Truth::Unknown => Ok(Targets::Unknown),
        truth => {
            let names = truth.as_labels().context("it has no list of labels")?;
            let ids: Vec<usize> = names.iter().map(|name| params.known_id(name)).collect::<Result<_>>()?;
            let holds = |id| if ids.contains(&id) { 1.0 } else { 0.0 };
            Ok(Targets::Classes((0..params.labels.len()).map(holds).collect()))
        }
    }
}

/// The probability of every label, and whether it is true: `[labels]`; none for a prediction of another task.
fn scored(prediction: &Prediction, params: &TaskParams) -> Option<Vec<Scored>> {
    let names = prediction.truth.as_labels()?;
    let Decoded::LabelSet { probabilities, .. } = &prediction.decoded else { return None };
    let pairs = params.labels.iter().zip(probabilities);
    Some(
        pairs
            .map(|(label, &score)| Scored { score: score.into(), positive: names.contains(label) })
            .collect(),
    )
}

/// The probabilities and the counts of every example.
#[derive(Debug)]
struct LabelStatistics {
    rows: Vec<Row>,
    labels: usize,
}

#[derive(Debug)]
struct Row {
    /// The counts of each label: `[labels]`.
    counts: Vec<Counts>,
    ranking_precision: f64,
}

impl LabelStatistics {
    /// A label counts as predicted from a probability of `params.threshold`, or without one as in the predictions.
    fn of(predictions: &[Prediction], params: &TaskParams) -> Result<LabelStatistics> {
        let row = |prediction: &Prediction| {
            let Decoded::LabelSet { labels, .. } = &prediction.decoded else { return None };
            let scored = scored(prediction, params)?;
            let count = |(label, &Scored { score, positive }): (&String, &Scored)| {
                let predicted =
                    params.threshold.map_or_else(|| labels.contains(label), |least| score >= least);
                Counts::of(positive, predicted)
            };
            let counts = params.labels.iter().zip(&scored).map(count).collect();
            Some(Row { counts, ranking_precision: label_ranking_average_precision(&[scored])? })
        };
        Ok(LabelStatistics { rows: collect(predictions, row)?, labels: params.labels.len() })
    }

    fn counts<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); self.labels];
        for row in rows {
            counts.iter_mut().zip(&row.counts).for_each(|(all, more)| *all = *all + *more);
        }
        counts
    }

    fn counts_of(&self, rows: &[usize]) -> Vec<Counts> {
        self.counts(rows.iter().map(|&row| &self.rows[row]))
    }
}

impl Statistics for LabelStatistics {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn metric(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        match metric {
            Metric::MicroF1 => Some(self.counts_of(rows).into_iter().sum::<Counts>().f1()),
            Metric::MacroF1 => Some(macro_f1(&self.counts_of(rows))),
            Metric::RankingPrecision => mean(rows, |row| self.rows[row].ranking_precision),
            _ => None,
        }
    }

    fn details(&self, labels: &[String]) -> Details {
        Details::Labels { classes: classes(&self.counts(self.rows.iter()), labels) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scores, score};
    use shared::config::EntityRecognitionConfig;
    use shared::fault::kind_of;
    use shared::metric::MetricValues;
    use shared::task::Task;

    fn params(threshold: Option<f64>) -> TaskParams {
        let labels = ["insult", "threat", "spam"].map(str::to_owned);
        TaskParams { threshold, labels: labels.into(), ..TaskParams::default() }
    }

    fn truth(labels: &[&str]) -> Truth {
        Truth::Labels(labels.iter().map(|&label| label.to_owned()).collect())
    }

    fn example(truth: Truth) -> Example {
        Example { example_id: "1".into(), text: "a".into(), text_pair: None, truth }
    }

    fn check_targets(truth: Truth, expect: Targets) {
        assert_eq!(classes_of(&example(truth), &params(None)).unwrap(), expect);
    }

    #[test]
    fn targets_are_in_label_order() {
        check_targets(truth(&["spam", "insult"]), Targets::Classes(vec![1.0, 0.0, 1.0]));
        check_targets(truth(&[]), Targets::Classes(vec![0.0; 3]));
        check_targets(Truth::Unknown, Targets::Unknown);
    }

    #[test]
    fn a_label_beyond_the_list_is_refused() {
        let error = classes_of(&example(truth(&["spam", "fine"])), &params(None)).unwrap_err();
        let sentence = "the label `fine` is not in the list `insult`, `threat`, `spam`";
        assert_eq!((kind_of(&error).code(), format!("{error:#}")), (3, sentence.to_owned()));
    }

    fn prediction(labels: &[&str], logits: &[f32], params: &TaskParams) -> Prediction {
        let features = Features {
            example_id: "1".into(),
            input_ids: vec![2, 3],
            token_type_ids: vec![0, 0],
            targets: Targets::Unknown,
            offsets: Vec::new(),
        };
        let output = Output::Logits(logits.into());
        let windows = [Window { features: &features, output: &output }];
        let decoded = MultiLabel.decode(&example(Truth::Unknown), &windows, params).unwrap();
        Prediction { example_id: "1".into(), truth: truth(labels), decoded, logits: logits.into() }
    }

    fn check_labels(threshold: Option<f64>, expect: &[&str]) {
        let prediction = prediction(&[], &[2.0, -1.5, 0.0], &params(threshold));
        let Decoded::LabelSet { labels, probabilities } = prediction.decoded else { panic!("no labels") };
        assert_eq!(labels, expect);
        // torch.sigmoid
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-7;
        assert!(probabilities.iter().zip(&[0.880_797, 0.182_425_53, 0.5]).all(near), "{probabilities:?}");
    }

    #[test]
    fn labels_that_reach_the_threshold_are_predicted() {
        check_labels(None, &["insult", "spam"]);
        check_labels(Some(0.5), &["insult", "spam"]);
        check_labels(Some(0.51), &["insult"]);
        check_labels(Some(0.9), &[]);
        check_labels(Some(0.0), &["insult", "threat", "spam"]);
    }

    fn check_scores(threshold: Option<f64>, expect: [(Metric, f64); 4]) {
        let params = params(threshold);
        let predictions = [
            prediction(&["insult", "threat"], &[2.0, -0.5, -2.0], &params),
            prediction(&["insult"], &[1.0, -1.0, -3.0], &params),
        ];
        let Scores { metric_values, details, undefined } =
            score(Task::MultiLabel, &predictions, &params).unwrap();
        for (metric, value) in expect {
            assert!(
                (metric_values.get(metric).unwrap() - value).abs() < 1e-7,
                "{metric:?} in {metric_values:?}"
            );
        }
        let Details::Labels { classes } = details else { panic!("{details:?}") };
        assert_eq!(classes.iter().map(|class| class.support).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(
            (metric_values.iter().count(), undefined),
            (Task::MultiLabel.metrics(&EntityRecognitionConfig::default()).len() + 1, vec![])
        );
    }

    #[test]
    fn without_a_threshold_the_best_is_found_and_reported() {
        let ranking = (Metric::RankingPrecision, 1.0);
        // torch.sigmoid(-0.5)
        let threshold = (Metric::Threshold, 0.377_540_67);
        check_scores(None, [(Metric::MicroF1, 1.0), (Metric::MacroF1, 2.0 / 3.0), threshold, ranking]);
        let threshold = (Metric::Threshold, 0.5);
        check_scores(Some(0.5), [(Metric::MicroF1, 0.8), (Metric::MacroF1, 1.0 / 3.0), threshold, ranking]);
    }

    #[test]
    fn the_threshold_of_dev_predicts_the_same_labels_later() {
        let predictions = [
            prediction(&["threat"], &[-2.0, -0.5, -2.0], &params(None)),
            prediction(&[], &[-1.0; 3], &params(None)),
        ];
        let chosen = score(Task::MultiLabel, &predictions, &params(None)).unwrap().metric_values;
        let written = serde_json::to_string(&chosen).unwrap();
        let read: MetricValues = serde_json::from_str(&written).unwrap();
        let later = prediction(&["threat"], &[-2.0, -0.5, -2.0], &params(read.get(Metric::Threshold)));
        let Decoded::LabelSet { labels, .. } = later.decoded else { panic!("no labels") };
        assert_eq!(labels, ["threat"]);
    }
}
