//! Classification metrics from a confusion matrix, defined as scikit-learn defines them.

use super::counts::{ClassMetrics, Counts, macro_f1, ratio};

/// A confusion matrix, accumulated batch by batch.
#[derive(Debug, Clone)]
pub struct Confusion {
    /// `counts[label][predicted]`: numbers of examples.
    counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// A matrix `[labels, labels]` of zeros.
    pub fn new(labels: usize) -> Confusion {
        Confusion { counts: vec![vec![0; labels]; labels] }
    }

    /// Adds one example with its label id and its predicted label id. An id beyond the matrix is ignored.
    pub fn add(&mut self, label: usize, predicted: usize) {
        if let Some(count) = self.counts.get_mut(label).and_then(|row| row.get_mut(predicted)) {
            *count += 1;
        }
    }

    /// The numbers of examples, `[label][predicted]`.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// The number of examples.
    pub fn examples(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// The share of correct predictions; 0 without examples.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = self.counts.iter().enumerate().map(|(label, row)| row[label]).sum();
        ratio(right, self.examples())
    }

    /// The unweighted mean F1 of the classes that occur as a label or as a prediction, as
    /// `f1_score(average="macro", zero_division=0)` of scikit-learn without a list of labels; 0 without examples.
    pub fn macro_f1(&self) -> f64 {
        let classes = (0..self.counts.len()).map(|class| self.class(class));
        let occurring: Vec<Counts> = classes.filter(|class| !class.is_absent()).collect();
        macro_f1(&occurring)
    }

    /// Precision, recall and F1 of every class; 0 if the denominator is 0.
    pub fn classes(&self, labels: &[String]) -> Vec<ClassMetrics> {
        labels.iter().enumerate().map(|(class, label)| ClassMetrics::new(label, self.class(class))).collect()
    }

    fn class(&self, class: usize) -> Counts {
        Counts {
            correct: self.counts[class][class],
            predicted: self.counts.iter().map(|row| row[class]).sum(),
            support: self.counts[class].iter().sum(),
        }
    }
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
    fn metrics_equal_those_of_scikit_learn() {
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
    fn macro_f1_leaves_out_classes_that_neither_occur_nor_are_predicted() {
        // sklearn: f1_score([1, 1, 0], [1, 1, 1], average="macro", zero_division=0)
        check(confusion(&[(1, 1), (1, 1)]).macro_f1(), 1.0);
        check(confusion(&[(1, 1), (1, 1), (0, 1)]).macro_f1(), 0.8 / 2.0);
        check(confusion(&[]).macro_f1(), 0.0);
    }
}
