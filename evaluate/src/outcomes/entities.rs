//! Entities in a text.

use anyhow::{Context, Result};
use metrics::entities::{CharacterScores, EntityScores, WordScores, strict_entities};
use shared::figures::Metric;
use shared::schema::Prediction;
use tasks::{TaskParams, compared_tags};

use super::Outcomes;

#[derive(Debug)]
pub(super) struct Entities {
    rows: Vec<Row>,
    classes: usize,
}

/// The scores of one text.
#[derive(Debug)]
struct Row {
    entities: EntityScores,
    characters: CharacterScores,
}

impl Row {
    fn nothing(classes: usize) -> Row {
        Row { entities: EntityScores::new(classes), characters: CharacterScores::new(classes) }
    }
}

impl Entities {
    pub(super) fn of(predictions: &[Prediction], params: &TaskParams) -> Result<Entities> {
        let classes = params.labels.len();
        let row = |prediction: &Prediction| {
            let in_example = || format!("example {}", prediction.example_id);
            let [truth, predicted] = compared_tags(prediction, params).with_context(in_example)?;
            let mut row = Row::nothing(classes);
            row.entities.add(&strict_entities(&truth), &strict_entities(&predicted));
            truth.iter().zip(&predicted).for_each(|(&truth, &said)| row.characters.add(truth, said));
            Ok(row)
        };
        Ok(Entities { rows: predictions.iter().map(row).collect::<Result<_>>()?, classes })
    }

    fn entities(&self, rows: &[usize]) -> EntityScores {
        let mut all = EntityScores::new(self.classes);
        rows.iter().for_each(|&row| all.merge(&self.rows[row].entities));
        all
    }

    fn characters(&self, rows: &[usize]) -> CharacterScores {
        let mut all = CharacterScores::new(self.classes);
        rows.iter().for_each(|&row| all.merge(&self.rows[row].characters));
        all
    }
}

/// The tags of words that are no entities.
#[derive(Debug)]
pub(super) struct Words {
    rows: Vec<WordScores>,
    classes: usize,
}

impl Words {
    pub(super) fn of(predictions: &[Prediction], params: &TaskParams) -> Result<Words> {
        let classes = params.labels.len();
        let row = |prediction: &Prediction| {
            let in_example = || format!("example {}", prediction.example_id);
            let [truth, predicted] = compared_tags(prediction, params).with_context(in_example)?;
            let mut row = WordScores::new(classes);
            row.add(&truth, &predicted);
            Ok(row)
        };
        Ok(Words { rows: predictions.iter().map(row).collect::<Result<_>>()?, classes })
    }
}

impl Outcomes for Words {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn figure(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        let mut all = WordScores::new(self.classes);
        rows.iter().for_each(|&row| all.merge(&self.rows[row]));
        match metric {
            Metric::Accuracy => Some(all.accuracy()),
            Metric::MacroF1 => Some(all.macro_f1()),
            _ => None,
        }
    }
}

impl Outcomes for Entities {
    fn examples(&self) -> usize {
        self.rows.len()
    }

    fn figure(&self, metric: Metric, rows: &[usize]) -> Option<f64> {
        match metric {
            Metric::EntityF1 => Some(self.entities(rows).micro().f1()),
            Metric::EntityPrecision => Some(self.entities(rows).micro().precision()),
            Metric::EntityRecall => Some(self.entities(rows).micro().recall()),
            Metric::MacroF1 => Some(self.entities(rows).macro_f1()),
            Metric::CharacterF1 => Some(self.characters(rows).macro_f1()),
            _ => None,
        }
    }
}
