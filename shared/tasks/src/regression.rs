//! Regression: a score of one text, such as a rating, or of two texts, such as their similarity.

use anyhow::{Context, Result, bail, ensure};
use metrics::regression::{
    PARAPHRASE, Rating, Uncorrelated, counts_from, mean_squared_error, pearson, spearman,
};
use shared::fault::Fault;
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Decoded, Example, Features, Prediction, Targets, Truth};
use shared::tokens::Tokenizer;

use super::{Encoded, Loss, TaskParams, TaskSpec, Window, losses, sequence};
use crate::statistics::{Statistics, collect};

#[derive(Debug)]
pub(super) struct Regression;

impl TaskSpec for Regression {
    /// The name that `transformers` gives to a single output.
    fn outputs(&self, _setting: &TaskParams) -> Vec<String> {
        vec!["LABEL_0".to_owned()]
    }

    fn encode(
        &self,
        example: &Example,
        _setting: &TaskParams,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>> {
        sequence::encode(example, score_of(example)?, tokenizer)
    }

    fn loss(&self, row: &Features, output: &Output) -> Loss {
        losses::squared_error(&row.targets, output)
    }

    fn decode(&self, _example: &Example, windows: &[Window<'_>], _setting: &TaskParams) -> Result<Decoded> {
        let [score] = *sequence::logits(windows)? else { bail!("the model has not one output") };
        Ok(Decoded::Score { score })
    }

    fn statistics(&self, predictions: &[Prediction], _params: &TaskParams) -> Result<Box<dyn Statistics>> {
        Ok(Box::new(ScoreStatistics(collect(predictions, rating)?)))
    }
}

/// The target: the score as float32, in the scale of the corpus.
fn score_of(example: &Example) -> Result<Targets> {
    match &example.truth {
        Truth::Unknown => Ok(Targets::Unknown),
        truth => {
            let score = truth.as_score().context("it has no score")?;
            let target = score as f32;
            ensure!(target.is_finite(), Fault::input(format!("the score `{score}` is not a finite number")));
            Ok(Targets::Score(target))
        }
    }
}

/// The predicted and the true score; none for a prediction of another task.
pub fn rating(prediction: &Prediction) -> Option<Rating> {
    let Decoded::Score { score } = prediction.decoded else { return None };
    Some(Rating { predicted: score.into(), label: prediction.truth.as_score()? })
}

/// The predicted and the true score of every example.
#[derive(Debug)]
struct ScoreStatistics(Vec<Rating>);

impl Statistics for ScoreStatistics {
    fn examples(&self) -> usize {
        self.0.len()
    }

    fn metric(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        let ratings: Vec<Rating> = rows.iter().map(|&row| self.0[row]).collect();
        match metric {
            Metric::Pearson => pearson(&ratings).ok(),
            Metric::Spearman => spearman(&ratings).ok(),
            Metric::F1AtThree => Some(counts_from(&ratings, PARAPHRASE).f1()),
            Metric::Loss => mean_squared_error(&ratings),
            _ => None,
        }
    }

    fn undefined(&self, metric: Metric) -> Option<Uncorrelated> {
        match metric {
            Metric::Pearson => pearson(&self.0).err(),
            Metric::Spearman => spearman(&self.0).err(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scores, Undefined, score as score_split};
    use shared::config::EntityRecognitionConfig;
    use shared::fault::kind_of;
    use shared::task::Task;

    fn target(truth: Truth) -> Result<Targets> {
        let text_pair = Some("b".to_owned());
        score_of(&Example { example_id: "1".into(), text: "a".into(), text_pair, truth })
    }

    #[test]
    fn a_score_is_the_target_without_scaling() {
        assert_eq!(target(Truth::Score(-0.5)).unwrap(), Targets::Score(-0.5));
        assert_eq!(target(Truth::Score(5.5)).unwrap(), Targets::Score(5.5));
        assert_eq!(target(Truth::Unknown).unwrap(), Targets::Unknown);
    }

    fn check_refused(score: f64, sentence: &str) {
        let error = target(Truth::Score(score)).unwrap_err();
        assert_eq!((kind_of(&error).code(), format!("{error:#}")), (3, sentence.to_owned()));
    }

    #[test]
    fn a_score_that_is_not_finite_is_an_input_fault() {
        check_refused(f64::NAN, "the score `NaN` is not a finite number");
        check_refused(f64::NEG_INFINITY, "the score `-inf` is not a finite number");
        assert!(target(Truth::Score(1e300)).is_err(), "it is infinite in float32");
    }

    fn score(pairs: &[(f32, f64)]) -> Scores {
        let prediction = |&(score, label): &(f32, f64)| Prediction {
            example_id: "1".into(),
            truth: Truth::Score(label),
            decoded: Decoded::Score { score },
            logits: vec![score],
        };
        let predictions: Vec<Prediction> = pairs.iter().map(prediction).collect();
        score_split(Task::PairRegression, &predictions, &TaskParams::default()).unwrap()
    }

    #[test]
    fn every_metric_has_a_value() {
        let Scores { metric_values, undefined, .. } =
            score(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0), (5.0, 5.0)]);
        let near = |metric, expect: f64| (metric_values.get(metric).unwrap() - expect).abs() < 1e-12;
        assert!(near(Metric::Pearson, 0.8) && near(Metric::Spearman, 0.8) && near(Metric::F1AtThree, 1.0));
        assert_eq!(
            (metric_values.iter().count(), undefined),
            (Task::PairRegression.metrics(&EntityRecognitionConfig::default()).len(), vec![])
        );
    }

    fn check_undefined(pairs: &[(f32, f64)], reason: Uncorrelated) {
        let Scores { metric_values, undefined, .. } = score(pairs);
        let lacking = [Metric::Pearson, Metric::Spearman];
        assert_eq!(undefined, lacking.map(|metric| Undefined { metric, reason }));
        assert!(lacking.iter().all(|&metric| metric_values.get(metric).is_none()));
        assert!(metric_values.get(Metric::F1AtThree).is_some());
    }

    #[test]
    fn constant_scores_have_no_correlation_for_a_stated_reason() {
        check_undefined(&[(2.5, 1.0), (2.5, 4.0)], Uncorrelated::ConstantPredictions);
        check_undefined(&[(1.0, 2.5), (4.0, 2.5)], Uncorrelated::ConstantLabels);
        check_undefined(&[(1.0, 2.5)], Uncorrelated::TooFew);
    }

    #[test]
    fn one_output_is_the_score() {
        let features = Features {
            example_id: "1".into(),
            input_ids: vec![2, 3],
            token_type_ids: vec![0, 0],
            targets: Targets::Unknown,
            offsets: Vec::new(),
        };
        let example =
            Example { example_id: "1".into(), text: "a".into(), text_pair: None, truth: Truth::Unknown };
        let decode = |logits: &[f32]| {
            let output = Output::Logits(logits.into());
            let window = Window { features: &features, output: &output };
            Regression.decode(&example, &[window], &TaskParams::default())
        };
        assert_eq!(decode(&[-0.25]).unwrap(), Decoded::Score { score: -0.25 });
        assert!(decode(&[1.0, 2.0]).is_err());
    }
}
