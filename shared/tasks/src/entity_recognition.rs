//! Named entity recognition: the names of people, places and times in a text.
//!
//! Entities are ranges of characters; a model tags tokens, in IOB2. Most Korean names end inside a word, before a particle, so
//! by default each piece has the tag of its first character, as in KLUE-baseline. Tags of pieces cannot express a name that
//! begins or ends inside a piece; the tokenize stage counts such names. With words as units, only the first piece of a word
//! has a tag.

mod reading;
mod statistics;
mod words;

use std::collections::HashSet;

use anyhow::{Context, Result, bail, ensure};
use metrics::entities::{Entity, Tag, TagScheme, TagSet, lenient_entities, strict_entities, tags_of};
use metrics::{argmax, softmax};
use serde_json::{Value, json};
use shared::config::{EntityUnit, require};
use shared::fault::Fault;
use shared::model_output::Output;
use shared::schema::{Decoded, Example, Features, Offset, PredictedEntity, Prediction, Targets, Truth};
use shared::tokens::{Framed, Piece, Tokenizer, Tokens};

use super::windows::{WindowSpan, window_spans};
use super::{Alignment, Encoded, Loss, TaskParams, TaskSpec, Window, losses};
use crate::statistics::Statistics;

use reading::Token;
use statistics::{EntityStatistics, WordStatistics};
use words::Words;

pub use reading::TokenReading;

#[derive(Debug)]
pub(super) struct EntityRecognition;

/// The key of config.json that holds the unit of the tags.
const NOTE: &str = "entity_recognition";

impl TaskSpec for EntityRecognition {
    fn outputs(&self, params: &TaskParams) -> Vec<String> {
        let tags = |label: &String| ["B", "I"].map(|prefix| format!("{prefix}-{label}"));
        match scheme_of_outputs(params) {
            _ if !params.tags.is_empty() => params.tags.clone(),
            TagScheme::Plain => params.labels.clone(),
            _ => std::iter::once("O".to_owned()).chain(params.labels.iter().flat_map(tags)).collect(),
        }
    }

    fn note(&self, params: &TaskParams) -> Option<(&'static str, Value)> {
        let mut note = json!({ "unit": params.entity_recognition.unit });
        if is_plain(params) {
            note["scheme"] = json!(TagScheme::Plain);
        }
        Some((NOTE, note))
    }

    fn encode(
        &self,
        example: &Example,
        params: &TaskParams,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>> {
        let pieces = tokenizer.pieces(&example.text)?;
        let mut text = Text { places: places(&pieces)?, pieces, tag_ids: None };
        let mut alignment = Alignment::default();
        if example.truth != Truth::Unknown {
            let characters = true_tags(&example.truth, &example.text, params)?;
            let entities = strict_entities(&characters);
            let set = self.tag_set(params)?;
            let by_unit = match params.entity_recognition.unit {
                EntityUnit::Token => {
                    (tag_ids(&text.places, &characters, &set), align(&entities, &text.places))
                }
                EntityUnit::Word => {
                    let words = Words::of(&example.text);
                    let first = words.first_places(&text.places);
                    (tag_ids(&first, &characters, &set), align(&entities, &words.places()?))
                }
            };
            (text.tag_ids, alignment) = (Some(by_unit.0), by_unit.1);
        }
        let room = tokenizer.max_seq_length().saturating_sub(tokenizer.special_tokens());
        let stride = params.entity_recognition.stride;
        let advice = format!("must be less than {room}, the pieces of a text that a row has room for");
        require(stride < room, "entity_recognition.stride", &advice)?;
        let windows = window_spans(text.pieces.len(), room, stride);
        let rows = windows.iter().map(|window| text.row(window, &example.example_id, tokenizer));
        let mut rows = rows.collect::<Result<Vec<_>>>()?;
        rows.iter_mut().take(1).for_each(|first| first.alignment = alignment);
        Ok(rows)
    }

    fn loss(&self, row: &Features, output: &Output) -> Loss {
        losses::token_cross_entropy(&row.targets, output)
    }

    fn decode(&self, example: &Example, windows: &[Window<'_>], params: &TaskParams) -> Result<Decoded> {
        let set = self.tag_set(params)?;
        let mut tokens = Vec::new();
        for window in windows {
            tokens.extend(own_tokens(window, set.len())?);
        }
        let units = match (&params.reading, params.entity_recognition.unit) {
            (Some(reading), _) => reading.units(&tokens, &example.text, &set)?,
            (None, EntityUnit::Token) => tagged(&tokens, &set)?,
            (None, EntityUnit::Word) => Words::of(&example.text).tagged(&tokens, &set)?,
        };
        let tags: Vec<Tag> = units.iter().map(|unit| unit.tag).collect();
        let entities =
            if params.reading.is_some() { lenient_entities(&tags) } else { strict_entities(&tags) };
        let entity = |entity: Entity| found(&units[entity.start..entity.end], entity.class, params);
        let entities = entities.into_iter().map(entity).collect::<Result<_>>()?;
        Ok(Decoded::Entities { text: example.text.clone(), entities })
    }

    /// Both F1 leave out white space, as in KLUE-baseline.
    fn statistics(&self, predictions: &[Prediction], params: &TaskParams) -> Result<Box<dyn Statistics>> {
        Ok(if is_plain(params) {
            Box::new(WordStatistics::of(predictions, params)?)
        } else {
            Box::new(EntityStatistics::of(predictions, params)?)
        })
    }
}

impl EntityRecognition {
    fn tag_set(&self, params: &TaskParams) -> Result<TagSet> {
        let (names, scheme) = (self.outputs(params), scheme_of_outputs(params));
        if params.tags.is_empty() { TagSet::whole(&names, scheme) } else { TagSet::new(&names, scheme) }
    }
}

/// The tag scheme of the model's output names: the configured one for a foreign model, IOB2 or plain for one trained here.
fn scheme_of_outputs(params: &TaskParams) -> TagScheme {
    match params.entity_recognition.scheme {
        Some(TagScheme::Plain) => TagScheme::Plain,
        Some(scheme) if !params.tags.is_empty() => scheme,
        _ => TagScheme::Iob2,
    }
}

/// True if the tags are plain tags of words, without entities.
fn is_plain(params: &TaskParams) -> bool {
    params.entity_recognition.scheme == Some(TagScheme::Plain)
}

/// A text in tokens, before it is split into windows.
struct Text {
    pieces: Vec<Piece>,
    /// The characters of each piece.
    places: Vec<Offset>,
    /// The tag id of each piece; none for a text without labels.
    tag_ids: Option<Vec<i64>>,
}

impl Text {
    /// Encodes one window. Only the pieces that belong to the window have offsets and tags, so each piece is trained and
    /// predicted once.
    fn row(&self, window: &WindowSpan, id: &str, tokenizer: &dyn Tokenizer) -> Result<Encoded> {
        let shown: Vec<u32> = self.pieces[window.shown.clone()].iter().map(|piece| piece.id).collect();
        let Framed { ids, type_ids, starts: [start] } = tokenizer.frame(&shown);
        let (start, length) = (start + window.own.start - window.shown.start, ids.len());
        let offsets = placed(&self.places[window.own.clone()], start, length, Offset::NOWHERE);
        let targets = self.tag_ids.as_ref().map_or(Targets::Unknown, |tags| {
            Targets::Tags(placed(&tags[window.own.clone()], start, length, Targets::IGNORED))
        });
        let tokens = Tokens { ids, type_ids, pieces: shown.len(), truncated: false };
        Encoded::new(id, &tokens, tokenizer.unknown_token_id(), targets, offsets)
    }
}

/// `length` items: `values` from index `start`, and `nothing` before and after them.
fn placed<T: Copy>(values: &[T], start: usize, length: usize, nothing: T) -> Vec<T> {
    let mut all = vec![nothing; length];
    all.iter_mut().skip(start).zip(values).for_each(|(place, value)| *place = *value);
    all
}

/// The offset of every piece: its characters without those of earlier pieces. A piece of white space has no offset. If one
/// character became several pieces (such as `½`), only the first piece has an offset.
fn places(pieces: &[Piece]) -> Result<Vec<Offset>> {
    let mut taken = 0;
    let place = |piece: &Piece| {
        let start = piece.start.max(taken);
        taken = taken.max(piece.end);
        if start >= piece.end {
            return Ok(Offset::NOWHERE);
        }
        Ok(Offset { start: i32::try_from(start)?, end: i32::try_from(piece.end)? })
    };
    pieces.iter().map(place).collect()
}

/// The tag id of the first character of every offset; [`Targets::IGNORED`] without one.
fn tag_ids(places: &[Offset], characters: &[Tag], set: &TagSet) -> Vec<i64> {
    let id = |place: &Offset| {
        let tag = characters.get(usize::try_from(place.start).ok()?)?;
        i64::try_from(set.label(*tag)?).ok()
    };
    places.iter().map(|place| id(place).unwrap_or(Targets::IGNORED)).collect()
}

fn align(entities: &[Entity], places: &[Offset]) -> Alignment {
    let of = |end: fn(&Offset) -> i32| -> HashSet<usize> {
        places.iter().filter_map(|place| usize::try_from(end(place)).ok()).collect()
    };
    let (starts, ends) = (of(|place| place.start), of(|place| place.end));
    let exact = |entity: &&Entity| starts.contains(&entity.start) && ends.contains(&entity.end);
    Alignment { marked: entities.len() as u64, exact: entities.iter().filter(exact).count() as u64 }
}

/// A token or a word with its predicted tag.
struct Tagged {
    place: Offset,
    tag: Tag,
    probability: f32,
}

impl Tagged {
    /// Chooses the most probable tag of `set`.
    fn new(place: Offset, probabilities: &[f32], set: &TagSet) -> Result<Tagged> {
        let best = argmax(probabilities);
        let tag = set.tag(best).context("the model has other labels")?;
        Ok(Tagged { place, tag, probability: probabilities[best] })
    }
}

/// The tokens that belong to the window, each with the softmax of its `labels` logits.
fn own_tokens(window: &Window<'_>, labels: usize) -> Result<Vec<Token>> {
    let (features, logits) = (window.features, window.output.logits());
    ensure!(logits.len() == features.offsets.len() * labels, "the model has other labels");
    let placed = features.offsets.iter().zip(&features.input_ids).zip(logits.chunks_exact(labels));
    let own = placed.filter(|((place, _), _)| place.is_somewhere());
    Ok(own.map(|((&place, &id), logits)| Token { id, place, probabilities: softmax(logits) }).collect())
}

fn tagged(tokens: &[Token], set: &TagSet) -> Result<Vec<Tagged>> {
    tokens.iter().map(|token| Tagged::new(token.place, &token.probabilities, set)).collect()
}

/// The entity of `units`, which are not empty; its probability is the mean of theirs.
fn found(units: &[Tagged], class: usize, params: &TaskParams) -> Result<PredictedEntity> {
    let (first, last) = units.first().zip(units.last()).context("an entity without tokens")?;
    let probability = units.iter().map(|unit| unit.probability).sum::<f32>() / units.len() as f32;
    Ok(PredictedEntity {
        start: u32::try_from(first.place.start)?,
        end: u32::try_from(last.place.end)?,
        label: params.labels.get(class).context("an entity of an unknown class")?.clone(),
        probability,
    })
}

/// The true and the predicted tags of all characters but white space, which the entity scores compare.
///
/// # Errors
/// A [`Fault::input`] for a prediction of another task or with an unknown label.
fn compared_tags(prediction: &Prediction, params: &TaskParams) -> Result<[Vec<Tag>; 2]> {
    let Decoded::Entities { text, entities } = &prediction.decoded else {
        bail!(Fault::input("it has no predicted entities"))
    };
    let predicted = entities.iter().map(|entity| (entity.start, entity.end, &entity.label));
    let all = [true_tags(&prediction.truth, text, params)?, tags(predicted, text, params)?];
    let visible = |tags: Vec<Tag>| {
        let tags = text.chars().zip(tags).filter(|(character, _)| !character.is_whitespace());
        tags.map(|(_, tag)| tag).collect()
    };
    Ok(all.map(visible))
}

fn true_tags(truth: &Truth, text: &str, params: &TaskParams) -> Result<Vec<Tag>> {
    let entities = truth.as_entities().with_context(|| Fault::input("its entities are not marked"))?;
    tags(entities.iter().map(|entity| (entity.start, entity.end, &entity.label)), text, params)
}

/// The tag of every character, from the start, the end and the label of each entity.
fn tags<'a>(
    entities: impl Iterator<Item = (u32, u32, &'a String)>,
    text: &str,
    params: &TaskParams,
) -> Result<Vec<Tag>> {
    let entity = |(start, end, label): (u32, u32, &String)| {
        Ok(Entity { class: params.known_id(label)?, start: start.try_into()?, end: end.try_into()? })
    };
    let entities = entities.map(entity).collect::<Result<Vec<_>>>()?;
    tags_of(&entities, text.chars().count()).map_err(|error| Fault::input(error.to_string()).into())
}

#[cfg(test)]
mod tests;
