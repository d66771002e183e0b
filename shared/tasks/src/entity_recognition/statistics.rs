//! Statistics of texts with entities, and of texts with plain tags of words.

use anyhow::{Context, Result};
use metrics::entities::{CharacterScores, EntityScores, Tag, WordScores, strict_entities};
use shared::metric::Metric;
use shared::schema::Prediction;

use super::compared_tags;
use crate::TaskParams;
use crate::scores::Details;
use crate::statistics::Statistics;

#[derive(Debug)]
pub(super) struct EntityStatistics {
    rows: Vec<Row>,
    classes: usize,
}

/// The counts of one text.
#[derive(Debug)]
struct Row {
    entities: EntityScores,
    characters: CharacterScores,
}

impl EntityStatistics {
    pub(super) fn of(predictions: &[Prediction], params: &TaskParams) -> Result<EntityStatistics> {
        let classes = params.labels.len();
        let rows = each_text(predictions, params, |truth, predicted| {
            let mut entities = EntityScores::new(classes);
            entities.add(&strict_entities(truth), &strict_entities(predicted));
            let mut characters = CharacterScores::new(classes);
            truth.iter().zip(predicted).for_each(|(&truth, &predicted)| characters.add(truth, predicted));
            Row { entities, characters }
        })?;
        Ok(EntityStatistics { rows, classes })
    }

    fn entities<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> EntityScores {
        let mut all = EntityScores::new(self.classes);
        rows.for_each(|row| all.merge(&row.entities));
        all
    }
}

impl Statistics for EntityStatistics {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn metric(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        let rows = rows.iter().map(|&row| &self.rows[row]);
        match metric {
            Metric::EntityF1 => Some(self.entities(rows).micro().f1()),
            Metric::EntityPrecision => Some(self.entities(rows).micro().precision()),
            Metric::EntityRecall => Some(self.entities(rows).micro().recall()),
            Metric::MacroF1 => Some(self.entities(rows).macro_f1()),
            Metric::CharacterF1 => {
                let mut all = CharacterScores::new(self.classes);
                rows.for_each(|row| all.merge(&row.characters));
                Some(all.macro_f1())
            }
            _ => None,
        }
    }

    fn details(&self, labels: &[String]) -> Details {
        Details::Labels { classes: self.entities(self.rows.iter()).classes(labels) }
    }
}

#[derive(Debug)]
pub(super) struct WordStatistics {
    rows: Vec<WordScores>,
    classes: usize,
}

impl WordStatistics {
    pub(super) fn of(predictions: &[Prediction], params: &TaskParams) -> Result<WordStatistics> {
        let classes = params.labels.len();
        let rows = each_text(predictions, params, |truth, predicted| {
            let mut row = WordScores::new(classes);
            row.add(truth, predicted);
            row
        })?;
        Ok(WordStatistics { rows, classes })
    }

    fn sum<'a>(&self, rows: impl Iterator<Item = &'a WordScores>) -> WordScores {
        let mut all = WordScores::new(self.classes);
        rows.for_each(|row| all.merge(row));
        all
    }
}

impl Statistics for WordStatistics {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn metric(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        let all = self.sum(rows.iter().map(|&row| &self.rows[row]));
        match metric {
            Metric::Accuracy => Some(all.accuracy()),
            Metric::MacroF1 => Some(all.macro_f1()),
            _ => None,
        }
    }

    fn details(&self, labels: &[String]) -> Details {
        Details::Labels { classes: self.sum(self.rows.iter()).classes(labels) }
    }
}

/// Applies `of` to the true and the predicted tags of each text.
///
/// # Errors
/// A [`Fault::input`](shared::fault::Fault::input) that names the first example of another task.
fn each_text<T>(
    predictions: &[Prediction],
    params: &TaskParams,
    of: impl Fn(&[Tag], &[Tag]) -> T,
) -> Result<Vec<T>> {
    let one = |prediction: &Prediction| {
        let in_example = || format!("example {}", prediction.example_id);
        let [truth, predicted] = compared_tags(prediction, params).with_context(in_example)?;
        Ok(of(&truth, &predicted))
    };
    predictions.iter().map(one).collect()
}
