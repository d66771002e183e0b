//! Precision, recall and F1 of whole entities.

use std::collections::HashSet;

use super::spans::Entity;
use crate::counts::{ClassMetrics, Counts, macro_f1};

/// Counts of true and predicted entities by class, accumulated text by text. A prediction is correct if class, start and end
/// equal those of a true entity.
///
/// With [`strict_entities`](super::strict_entities) on both sides it equals
/// `classification_report(..., mode="strict", scheme=IOB2)` of seqeval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityScores {
    /// By class id.
    classes: Vec<Counts>,
}

impl EntityScores {
    /// Zero counts for `classes` entity classes.
    pub fn new(classes: usize) -> EntityScores {
        EntityScores { classes: vec![Counts::default(); classes] }
    }

    /// Adds the true and the predicted entities of one text.
    pub fn add(&mut self, truth: &[Entity], predicted: &[Entity]) {
        let there: HashSet<&Entity> = truth.iter().collect();
        for entity in truth {
            self.count(entity, |counts| counts.support += 1);
        }
        for entity in predicted {
            self.count(entity, |counts| {
                counts.predicted += 1;
                counts.correct += u64::from(there.contains(entity));
            });
        }
    }

    /// Adds the counts of `other`, which has the same classes.
    pub fn merge(&mut self, other: &EntityScores) {
        self.classes.iter_mut().zip(&other.classes).for_each(|(all, more)| *all = *all + *more);
    }

    fn count(&mut self, entity: &Entity, count: impl Fn(&mut Counts)) {
        self.classes.get_mut(entity.class).into_iter().for_each(count);
    }

    /// The counts of all classes together. Their F1 is the entity F1 that most papers report.
    pub fn micro(&self) -> Counts {
        self.classes.iter().copied().sum()
    }

    /// The mean F1 of the classes that are true or predicted somewhere, as in seqeval; 0 if there is none. Over all texts of a
    /// split it is `klue_ner_entity_macro_f1` of KLUE-baseline, which gives it in per cent.
    pub fn macro_f1(&self) -> f64 {
        let seen: Vec<Counts> = self.classes.iter().filter(|class| !class.is_absent()).copied().collect();
        macro_f1(&seen)
    }

    /// The metrics of every class, with `names` in the order of the class ids.
    pub fn classes(&self, names: &[String]) -> Vec<ClassMetrics> {
        names.iter().zip(&self.classes).map(|(name, counts)| ClassMetrics::new(name, *counts)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entities(parts: &[(usize, usize, usize)]) -> Vec<Entity> {
        parts.iter().map(|&(class, start, end)| Entity { class, start, end }).collect()
    }

    #[test]
    fn only_whole_entities_count() {
        let mut scores = EntityScores::new(3);
        scores.add(&entities(&[(0, 0, 2), (1, 3, 5)]), &entities(&[(0, 0, 2), (1, 3, 4)]));
        scores.add(&entities(&[(0, 0, 2)]), &entities(&[(1, 0, 2)]));
        assert_eq!(scores.micro(), Counts { correct: 1, predicted: 3, support: 3 });
        // The third class does not occur, so the mean leaves it out.
        assert_eq!(scores.macro_f1(), (2.0 / 3.0) / 2.0);
        let classes = scores.classes(&["PS".into(), "LC".into(), "OG".into()]);
        assert_eq!((classes[0].precision, classes[0].recall, classes[0].support), (1.0, 0.5, 2));
        assert_eq!((classes[1].f1, classes[2].support), (0.0, 0));
    }

    #[test]
    fn no_entities_score_zero() {
        let scores = EntityScores::new(2);
        assert_eq!((scores.micro().f1(), scores.macro_f1()), (0.0, 0.0));
    }
}
