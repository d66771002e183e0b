//! F1 of the tags of single characters, the second metric of KLUE-NER.

use super::tags::Tag;
use crate::counts::{Counts, mean};

/// Tags predicted against tags there, accumulated character by character.
///
/// KLUE-baseline leaves out spaces; a comparison with it must do so too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharacterScores {
    /// `O`, then `B-` and `I-` of each class.
    tags: Vec<Counts>,
}

impl CharacterScores {
    /// Scores of `classes` entity classes, without characters.
    pub fn new(classes: usize) -> CharacterScores {
        CharacterScores { tags: vec![Counts::default(); 1 + 2 * classes] }
    }

    /// Adds one character.
    pub fn add(&mut self, truth: Tag, predicted: Tag) {
        if let Some(counts) = self.tags.get_mut(place(truth)) {
            counts.support += 1;
            counts.correct += u64::from(truth == predicted);
        }
        if let Some(counts) = self.tags.get_mut(place(predicted)) {
            counts.predicted += 1;
        }
    }

    /// Adds what `other` has counted, of as many classes.
    pub fn merge(&mut self, other: &CharacterScores) {
        self.tags.iter_mut().zip(&other.tags).for_each(|(all, more)| *all = *all + *more);
    }

    /// KLUE-baseline's `klue_ner_char_macro_f1`, from 0 to 1 (`klue_baseline/metrics/functional.py`): the
    /// mean F1 of all tags, where a tag that is neither there nor predicted counts as 1
    /// (`zero_division=True`).
    ///
    /// Its documentation says that `O` is left out; its code takes every label of the list, and `O` is in the
    /// list. Published figures are the code's, so this is what the code does.
    pub fn macro_f1(&self) -> f64 {
        mean_f1(&self.tags)
    }

    /// The mean F1 of all tags but `O`, which is what KLUE-baseline documents.
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
        // The tags of a second class are nowhere.
        check(2, &pairs, (2.0 / 3.0 + 1.0 + 0.0 + 2.0) / 5.0, 0.75);
    }

    #[test]
    fn a_tag_only_predicted_scores_zero() {
        check(1, &[(Outside, Begin(0))], 1.0 / 3.0, 0.5);
    }
}
