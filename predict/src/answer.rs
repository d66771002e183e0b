//! A prediction as JSON, the same in files and over HTTP.

use serde::ser::{Error, Serialize, SerializeMap, Serializer};
use shared::schema::column::{
    ANSWERS, END, ENTITIES, EXAMPLE_ID, LABEL, LABELS, MASKS, PROBABILITIES, PROBABILITY, SCORE, START, TEXT,
};
use shared::schema::{Decoded, PredictedEntity};

/// A JSON object: `{"label": "positive", "probabilities": {"negative": 0.1, "positive": 0.9}}`, and for other tasks as
/// FORMAT.md has it.
pub(crate) struct Answer<'a> {
    /// The id of the example, if it has one.
    pub(crate) example_id: Option<&'a str>,
    pub(crate) decoded: &'a Decoded,
    /// The probability of each label, in the order of their ids.
    pub(crate) labels: &'a [String],
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(id) = self.example_id {
            object.serialize_entry(EXAMPLE_ID, id)?;
        }
        let named = |values| Named { names: self.labels, values };
        match self.decoded {
            Decoded::Class { predicted, probabilities } => {
                object.serialize_entry(LABEL, predicted)?;
                object.serialize_entry(PROBABILITIES, &named(probabilities))?;
            }
            Decoded::LabelSet { labels, probabilities } => {
                object.serialize_entry(LABELS, labels)?;
                object.serialize_entry(PROBABILITIES, &named(probabilities))?;
            }
            Decoded::Score { score } => object.serialize_entry(SCORE, score)?,
            Decoded::Answers { answers } => object.serialize_entry(ANSWERS, answers)?,
            Decoded::Entities { text, entities } => {
                let entities: Vec<Found<'_>> = entities.iter().map(|entity| Found { text, entity }).collect();
                object.serialize_entry(ENTITIES, &entities)?;
            }
            Decoded::Filled { masks } => object.serialize_entry(MASKS, masks)?,
            Decoded::Masked { .. } => {
                return Err(S::Error::custom("predictions of hidden tokens have no JSON form"));
            }
        }
        object.end()
    }
}

/// Probabilities by their labels' names, in the order of the labels.
struct Named<'a> {
    names: &'a [String],
    values: &'a [f32],
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.names.iter().zip(self.values))
    }
}

/// An entity with its text.
struct Found<'a> {
    text: &'a str,
    entity: &'a PredictedEntity,
}

impl Serialize for Found<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PredictedEntity { start, end, label, probability } = self.entity;
        let mut object = serializer.serialize_map(Some(5))?;
        object.serialize_entry(TEXT, substring(self.text, *start, *end))?;
        object.serialize_entry(LABEL, label)?;
        object.serialize_entry(START, start)?;
        object.serialize_entry(END, end)?;
        object.serialize_entry(PROBABILITY, probability)?;
        object.end()
    }
}

/// The substring of `text` in the character range `start..end`; empty where `start` is beyond `end`.
pub(crate) fn substring(text: &str, start: u32, end: u32) -> &str {
    let byte = |character: u32| {
        let mut places = text.char_indices().map(|(place, _)| place).chain([text.len()]);
        places.nth(character as usize).unwrap_or(text.len())
    };
    text.get(byte(start)..byte(end)).unwrap_or_default()
}
