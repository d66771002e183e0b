//! F1 of the tags of single characters, the second metric of KLUE-NER.

use super::tags::Tag;
use crate::counts::{Counts, mean};

/// Counts of true and predicted tags, accumulated character by character.
///
/// KLUE-baseline leaves out spaces, so a comparison with it must leave them out too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharacterScores {
    /// The counts of `O`, then of `B-` and `I-` of each class: `[1 + 2 * classes]`.
    tags: Vec<Counts>,
}

impl CharacterScores {
    /// Zero counts for `classes` entity classes.
    pub fn new(classes: usize) -> CharacterScores {
        CharacterScores { tags: vec![Counts::default(); 1 + 2 * classes] }
    }

    /// Adds one character with its true tag and its predicted tag.
    pub fn add(&mut self, truth: Tag, predicted: Tag) {
        if let Some(counts) = self.tags.get_mut(place(truth)) {
            counts.support += 1;
            counts.correct += u64::from(truth == predicted);
        }
        if let Some(counts) = self.tags.get_mut(place(predicted)) {
            counts.predicted += 1;
        }
    }

    /// Adds the counts of `other`, which has the same classes.
    pub fn merge(&mut self, other: &CharacterScores) {
        self.tags.iter_mut().zip(&other.tags).for_each(|(all, more)| *all = *all + *more);
    }

    /// The mean F1 of all tags, from 0 to 1: `klue_ner_char_macro_f1` of KLUE-baseline
    /// (`klue_baseline/metrics/functional.py`). A tag that is neither true nor predicted anywhere counts as 1
    /// (`zero_division=True`).
    ///
    /// The documentation of KLUE-baseline says that `O` is left out, but its code includes `O`. Published results come from
    /// the code, so this function follows the code.
    pub fn macro_f1(&self) -> f64 {
        mean_f1(&self.tags)
    }

    /// The mean F1 of all tags but `O`, as KLUE-baseline documents it.
    pub fn macro_f1_without_outside(&self) -> f64 {
        mean_f1(self.tags.get(1..).unwrap_or_default())
    }
}

fn mean_f1(tags: &[Counts]) -> f64 {
    let f1 = |tag: &Counts| if tag.is_absent() { 1.0 } else { tag.f1() };
    mean(tags.iter().map(f1)).unwrap_or(1.0)
}

fn place(tag: Tag) -> usize {
    match tag {
        Tag::Outside => 0,
        Tag::Begin(class) => 1 + 2 * class,
        Tag::Inside(class) => 2 + 2 * class,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Tag::{Begin, Inside, Outside};

    fn check(classes: usize, pairs: &[(Tag, Tag)], expect: f64, without_outside: f64) {
        let mut scores = CharacterScores::new(classes);
        pairs.iter().for_each(|&(truth, predicted)| scores.add(truth, predicted));
        assert!((scores.macro_f1() - expect).abs() < 1e-12, "{pairs:?}: {}", scores.macro_f1());
        let value = scores.macro_f1_without_outside();
        assert!((value - without_outside).abs() < 1e-12, "{pairs:?}: {value}");
    }

    #[test]
    fn every_tag_weighs_the_same() {
        let pairs = [(Begin(0), Begin(0)), (Inside(0), Outside), (Outside, Outside)];
        check(1, &pairs, (2.0 / 3.0 + 1.0 + 0.0) / 3.0, 0.5);
        // The tags of the second class do not occur.
        check(2, &pairs, (2.0 / 3.0 + 1.0 + 0.0 + 2.0) / 5.0, 0.75);
    }

    #[test]
    fn a_tag_that_is_only_predicted_scores_zero() {
        check(1, &[(Outside, Begin(0))], 1.0 / 3.0, 0.5);
    }
}
