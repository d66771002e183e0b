//! The prediction for an example, as columns.

use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{ArrayRef, Float32Array, RecordBatch};
use arrow::datatypes::{DataType, Field};

use super::answers::{self, Candidate};
use super::entities::{self, PredictedEntity};
use super::filled::{self, FilledMask};
use super::labels;
use super::masked::{self, MaskedGuess};
use crate::schema::column::{
    MASKS, N_BEST, POSITIONS, PREDICTED_ENTITIES, PREDICTED_LABEL, PREDICTED_LABELS, PREDICTED_SCORE,
    PROBABILITIES,
};
use crate::schema::lists::list_field;
use crate::schema::parquet_file::column;

/// The answer of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// One label.
    Class {
        /// The most probable label.
        predicted: String,
        /// One a label, in label order; they sum to 1.
        probabilities: Vec<f32>,
    },
    /// Any number of labels.
    LabelSet {
        /// In label order.
        labels: Vec<String>,
        /// One a label, in label order, each by itself.
        probabilities: Vec<f32>,
    },
    /// A score.
    Score {
        /// The predicted score.
        score: f32,
    },
    /// The best first.
    Answers {
        /// The candidates.
        answers: Vec<Candidate>,
    },
    /// In the order of the text, none over another.
    Entities {
        /// The text that the places refer to.
        text: String,
        /// The predicted entities.
        entities: Vec<PredictedEntity>,
    },
    /// Predictions at masked tokens.
    Masked {
        /// A prediction for each masked token.
        guesses: Vec<MaskedGuess>,
    },
    /// In the order of the text.
    Filled {
        /// Candidates for each mask.
        masks: Vec<FilledMask>,
    },
}

impl Decoded {
    /// The answers; none for another kind.
    pub fn as_answers(&self) -> Option<&[Candidate]> {
        if let Decoded::Answers { answers } = self { Some(answers) } else { None }
    }

    /// The kind of the prediction.
    pub fn kind(&self) -> DecodedKind {
        match self {
            Decoded::Class { .. } => DecodedKind::Class,
            Decoded::LabelSet { .. } => DecodedKind::LabelSet,
            Decoded::Score { .. } => DecodedKind::Score,
            Decoded::Answers { .. } => DecodedKind::Answers,
            Decoded::Entities { .. } => DecodedKind::Entities,
            Decoded::Masked { .. } => DecodedKind::Masked,
            Decoded::Filled { .. } => DecodedKind::Filled,
        }
    }
}

/// The variants of [`Decoded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodedKind {
    /// One label.
    Class,
    /// Any number of labels.
    LabelSet,
    /// A score.
    Score,
    /// Answers to a question.
    Answers,
    /// Entities in a text.
    Entities,
    /// Tokens that were hidden, beside what the model finds there.
    Masked,
    /// Masks that stand in the text itself.
    Filled,
}

impl DecodedKind {
    /// True where an example has logits as a whole.
    pub(super) fn has_logits(self) -> bool {
        match self {
            DecodedKind::Class | DecodedKind::LabelSet | DecodedKind::Score => true,
            DecodedKind::Answers | DecodedKind::Entities | DecodedKind::Masked | DecodedKind::Filled => false,
        }
    }

    pub(super) fn fields(self) -> Vec<Field> {
        match self {
            DecodedKind::Class => vec![
                Field::new(PREDICTED_LABEL, DataType::Utf8, false),
                list_field(PROBABILITIES, DataType::Float32),
            ],
            DecodedKind::LabelSet => vec![
                list_field(PREDICTED_LABELS, DataType::Utf8),
                list_field(PROBABILITIES, DataType::Float32),
            ],
            DecodedKind::Score => vec![Field::new(PREDICTED_SCORE, DataType::Float32, false)],
            DecodedKind::Answers => answers::fields(),
            DecodedKind::Entities => entities::fields(),
            DecodedKind::Masked => masked::fields(),
            DecodedKind::Filled => filled::fields(),
        }
    }

    /// # Errors
    /// An error where a row is of another kind.
    pub(super) fn columns(self, rows: &[&Decoded]) -> Result<Vec<ArrayRef>> {
        match self {
            DecodedKind::Class => labels::columns(&pick(rows, self, |row| match row {
                Decoded::Class { predicted, probabilities } => Some((predicted, probabilities.as_slice())),
                _ => None,
            })?),
            DecodedKind::LabelSet => labels::set_columns(&pick(rows, self, |row| match row {
                Decoded::LabelSet { labels, probabilities } => {
                    Some((labels.as_slice(), probabilities.as_slice()))
                }
                _ => None,
            })?),
            DecodedKind::Score => {
                let scores = pick(rows, self, |row| match row {
                    Decoded::Score { score } => Some(*score),
                    _ => None,
                })?;
                Ok(vec![Arc::new(Float32Array::from(scores))])
            }
            DecodedKind::Answers => answers::columns(&pick(rows, self, Decoded::as_answers)?),
            DecodedKind::Entities => entities::columns(&pick(rows, self, |row| match row {
                Decoded::Entities { text, entities } => Some((text.as_str(), entities.as_slice())),
                _ => None,
            })?),
            DecodedKind::Masked => masked::columns(&pick(rows, self, |row| match row {
                Decoded::Masked { guesses } => Some(guesses.as_slice()),
                _ => None,
            })?),
            DecodedKind::Filled => filled::columns(&pick(rows, self, |row| match row {
                Decoded::Filled { masks } => Some(masks.as_slice()),
                _ => None,
            })?),
        }
    }

    /// Reads every row of `batch` by its columns.
    pub(super) fn read(batch: &RecordBatch) -> Result<Vec<Decoded>> {
        let has = |name: &str| batch.column_by_name(name).is_some();
        if has(PREDICTED_SCORE) {
            let scores = column::<Float32Array>(batch, PREDICTED_SCORE)?;
            Ok(scores.values().iter().map(|&score| Decoded::Score { score }).collect())
        } else if has(PREDICTED_LABELS) {
            labels::read_sets(batch)
        } else if has(N_BEST) {
            Ok(answers::read(batch)?.into_iter().map(|answers| Decoded::Answers { answers }).collect())
        } else if has(PREDICTED_ENTITIES) {
            let rows = entities::read(batch)?.into_iter();
            Ok(rows.map(|(text, entities)| Decoded::Entities { text, entities }).collect())
        } else if has(POSITIONS) {
            Ok(masked::read(batch)?.into_iter().map(|guesses| Decoded::Masked { guesses }).collect())
        } else if has(MASKS) {
            Ok(filled::read(batch)?.into_iter().map(|masks| Decoded::Filled { masks }).collect())
        } else {
            labels::read(batch)
        }
    }
}

fn pick<'a, T>(
    rows: &[&'a Decoded],
    kind: DecodedKind,
    of: impl Fn(&'a Decoded) -> Option<T>,
) -> Result<Vec<T>> {
    let picked: Option<Vec<T>> = rows.iter().map(|&row| of(row)).collect();
    match picked {
        Some(picked) => Ok(picked),
        None => bail!("a file of predictions with {kind:?} takes no other"),
    }
}
