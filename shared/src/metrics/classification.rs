//! Classification metrics from a confusion matrix, defined as scikit-learn defines them.

use super::counts::{ClassMetrics, Counts, macro_f1, ratio};
use crate::facts::DevMetrics;

/// Predictions against labels, accumulated batch by batch.
#[derive(Debug, Clone)]
pub struct Confusion {
    /// `counts[label][predicted]`
    counts: Vec<Vec<u64>>,
    loss: f64,
}

impl Confusion {
    pub fn new(labels: usize) -> Confusion {
        Confusion { counts: vec![vec![0; labels]; labels], loss: 0.0 }
    }

    /// Adds one example by its logits and label id; returns the predicted label id.
    pub fn add(&mut self, logits: &[f32], label: usize) -> usize {
        let predicted = argmax(logits);
        if let Some(count) = self.counts.get_mut(label).and_then(|row| row.get_mut(predicted)) {
            *count += 1;
        }
        self.loss -= log_softmax(logits).get(label).copied().unwrap_or(f64::NAN);
        predicted
    }

    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    pub fn examples(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Mean cross-entropy.
    pub fn loss(&self) -> f64 {
        self.loss / self.examples() as f64
    }

    pub fn accuracy(&self) -> f64 {
        let right: u64 = self.counts.iter().enumerate().map(|(label, row)| row[label]).sum();
        ratio(right, self.examples())
    }

    /// The unweighted mean of the classes' F1.
    pub fn macro_f1(&self) -> f64 {
        let classes: Vec<Counts> = (0..self.counts.len()).map(|class| self.class(class)).collect();
        macro_f1(&classes)
    }

    /// Precision, recall and F1 of every class; 0 where a quotient has no denominator.
    pub fn classes(&self, labels: &[String]) -> Vec<ClassMetrics> {
        labels.iter().enumerate().map(|(class, label)| ClassMetrics::new(label, self.class(class))).collect()
    }

    pub fn summary(&self) -> DevMetrics {
        DevMetrics { loss: self.loss(), accuracy: self.accuracy(), macro_f1: self.macro_f1() }
    }

    fn class(&self, class: usize) -> Counts {
        Counts {
            correct: self.counts[class][class],
            predicted: self.counts.iter().map(|row| row[class]).sum(),
            support: self.counts[class].iter().sum(),
        }
    }
}

/// The first index of the largest value.
fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// The probabilities that `logits` stand for.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    log_softmax(logits).into_iter().map(|value| value.exp() as f32).collect()
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().fold(f64::NEG_INFINITY, |max, &logit| max.max(logit.into()));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - max).exp()).sum();
    logits.iter().map(|&logit| f64::from(logit) - max - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(pairs: &[(usize, usize)]) -> Confusion {
        let mut confusion = Confusion::new(3);
        for &(label, predicted) in pairs {
            let mut logits = [0.0; 3];
            logits[predicted] = 2.0;
            assert_eq!(confusion.add(&logits, label), predicted);
        }
        confusion
    }

    fn check(value: f64, expect: f64) {
        assert!((value - expect).abs() < 1e-12, "{value} is not {expect}");
    }

    #[test]
    fn metrics_are_scikit_learns() {
        // sklearn: classification_report([0,0,0,1,1,2], [0,0,1,1,2,1])
        let confusion = confusion(&[(0, 0), (0, 0), (0, 1), (1, 1), (1, 2), (2, 1)]);
        check(confusion.accuracy(), 0.5);
        check(confusion.macro_f1(), (0.8 + 0.4) / 3.0);
        let classes = confusion.classes(&["a".into(), "b".into(), "c".into()]);
        check(classes[0].precision, 1.0);
        check(classes[0].recall, 2.0 / 3.0);
        check(classes[1].precision, 1.0 / 3.0);
        check(classes[2].f1, 0.0);
        assert_eq!(classes[0].support, 3);
    }

    #[test]
    fn loss_is_cross_entropy() {
        let expect = -(2f64.exp() / (2f64.exp() + 2.0)).ln();
        check(confusion(&[(0, 0)]).loss(), expect);
        check(confusion(&[(0, 0), (1, 0)]).loss(), expect + 1.0);
    }

    #[test]
    fn large_logits_do_not_overflow() {
        assert_eq!(softmax(&[1e6, 0.0]), [1.0, 0.0]);
    }
}
