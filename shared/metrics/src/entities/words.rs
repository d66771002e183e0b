//! Scores of plain tags of words, such as parts of speech.

use super::tags::Tag;
use crate::counts::{ClassMetrics, Counts, macro_f1};

/// Counts of true and predicted word tags by class, accumulated text by text. A tagged word has the tag of its first
/// character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordScores {
    /// By class id.
    classes: Vec<Counts>,
}

impl WordScores {
    /// Zero counts for `classes` tags.
    pub fn new(classes: usize) -> WordScores {
        WordScores { classes: vec![Counts::default(); classes] }
    }

    /// Adds the tags of all characters of one text. Only the first character of a tagged word counts.
    pub fn add(&mut self, truth: &[Tag], predicted: &[Tag]) {
        for (truth, predicted) in truth.iter().zip(predicted) {
            let Tag::Begin(class) = *truth else { continue };
            let said = predicted.class();
            self.count(class, |counts| {
                counts.support += 1;
                counts.correct += u64::from(said == Some(class));
            });
            said.into_iter().for_each(|said| self.count(said, |counts| counts.predicted += 1));
        }
    }

    /// Adds the counts of `other`, which has the same classes.
    pub fn merge(&mut self, other: &WordScores) {
        self.classes.iter_mut().zip(&other.classes).for_each(|(all, more)| *all = *all + *more);
    }

    fn count(&mut self, class: usize, count: impl Fn(&mut Counts)) {
        self.classes.get_mut(class).into_iter().for_each(count);
    }

    /// The share of tagged words with a correct tag; 0 without tagged words.
    pub fn accuracy(&self) -> f64 {
        let all: Counts = self.classes.iter().copied().sum();
        if all.support == 0 { 0.0 } else { all.correct as f64 / all.support as f64 }
    }

    /// The mean F1 of the tags that are true or predicted somewhere.
    pub fn macro_f1(&self) -> f64 {
        let seen: Vec<Counts> = self.classes.iter().filter(|class| !class.is_absent()).copied().collect();
        macro_f1(&seen)
    }

    /// The metrics of every tag, with `names` in the order of the class ids.
    pub fn classes(&self, names: &[String]) -> Vec<ClassMetrics> {
        names.iter().zip(&self.classes).map(|(name, counts)| ClassMetrics::new(name, *counts)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Tag::{Begin, Inside, Outside};

    #[test]
    fn a_word_counts_by_its_first_character() {
        let mut scores = WordScores::new(3);
        scores.add(
            &[Begin(0), Inside(0), Begin(1), Begin(1), Outside],
            &[Begin(0), Begin(1), Inside(1), Outside, Begin(0)],
        );
        assert_eq!(scores.accuracy(), 2.0 / 3.0);
        assert_eq!(scores.macro_f1(), (1.0 + 2.0 / 3.0) / 2.0);
        let classes = scores.classes(&["NOUN".into(), "VERB".into(), "ADJ".into()]);
        assert_eq!((classes[1].precision, classes[1].recall, classes[1].support), (1.0, 0.5, 2));
        assert_eq!(WordScores::new(1).accuracy(), 0.0);
    }
}
