//! Classification metrics from a confusion matrix, defined as scikit-learn defines them.

use serde::{Deserialize, Serialize};

/// Predictions against labels, accumulated batch by batch.
#[derive(Debug, Clone)]
pub struct Confusion {
    /// `counts[label][predicted]`
    counts: Vec<Vec<u64>>,
}

/// One class' row of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    pub label: String,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Examples with this label.
    pub support: u64,
}

impl Confusion {
    pub fn new(labels: usize) -> Confusion {
        Confusion { counts: vec![vec![0; labels]; labels] }
    }

    /// Adds one example by its label id and the predicted one.
    pub fn add(&mut self, label: usize, predicted: usize) {
        if let Some(count) = self.counts.get_mut(label).and_then(|row| row.get_mut(predicted)) {
            *count += 1;
        }
    }

    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    pub fn examples(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    pub fn accuracy(&self) -> f64 {
        let right: u64 = self.counts.iter().enumerate().map(|(label, row)| row[label]).sum();
        ratio(right, self.examples())
    }

    /// The unweighted mean of the classes' F1.
    pub fn macro_f1(&self) -> f64 {
        let classes = self.counts.len();
        (0..classes).map(|class| self.class(class, String::new()).f1).sum::<f64>() / classes as f64
    }

    /// Precision, recall and F1 of every class; 0 where a quotient has no denominator.
    pub fn classes(&self, labels: &[String]) -> Vec<ClassMetrics> {
        labels.iter().enumerate().map(|(class, label)| self.class(class, label.clone())).collect()
    }

    fn class(&self, class: usize, label: String) -> ClassMetrics {
        let right = self.counts[class][class];
        let support = self.counts[class].iter().sum();
        let predicted = self.counts.iter().map(|row| row[class]).sum();
        let (precision, recall) = (ratio(right, predicted), ratio(right, support));
        let f1 = ratio(2 * right, predicted + support);
        ClassMetrics { label, precision, recall, f1, support }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(pairs: &[(usize, usize)]) -> Confusion {
        let mut confusion = Confusion::new(3);
        pairs.iter().for_each(|&(label, predicted)| confusion.add(label, predicted));
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
}
