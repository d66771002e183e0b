//! The parsers of KLUE's own formats.

use anyhow::Result;
use rows::{Row, Rows, Unit};
use serde::Deserialize;
use shared::schema::Truth;

use crate::raw::RawFile;

/// A pair of KLUE-NLI.
#[derive(Deserialize)]
struct NliPair {
    guid: String,
    premise: String,
    hypothesis: String,
    gold_label: String,
}

/// The rows of KLUE-NLI: an array of objects.
pub(super) fn nli(file: &RawFile) -> Result<Rows> {
    Ok(Box::new(rows::array::<NliPair>(file.input()?)?.map(|(place, pair)| {
        Ok(Row {
            place,
            id: Some(pair.guid),
            text: pair.premise,
            text_pair: Some(pair.hypothesis),
            truth: Truth::Label(pair.gold_label),
        })
    })))
}

/// A pair of KLUE-STS.
#[derive(Deserialize)]
struct StsPair {
    guid: String,
    sentence1: String,
    sentence2: String,
    labels: StsLabels,
}

/// The mean of the annotators' scores. The corpus also has it rounded, and as two classes.
#[derive(Deserialize)]
struct StsLabels {
    #[serde(rename = "real-label")]
    real: f64,
}

/// The rows of KLUE-STS: an array of objects.
pub(super) fn sts(file: &RawFile) -> Result<Rows> {
    Ok(Box::new(rows::array::<StsPair>(file.input()?)?.map(|(place, pair)| {
        Ok(Row {
            place,
            id: Some(pair.guid),
            text: pair.sentence1,
            text_pair: Some(pair.sentence2),
            truth: Truth::Score(pair.labels.real),
        })
    })))
}

/// The rows of KLUE-NER: CoNLL by character. The comment before a sentence has its id, a tab, and the sentence with its
/// entities in brackets. These cannot be distinguished from brackets in the text, so the text is read from the tags.
pub(super) fn ner(file: &RawFile) -> Result<Rows> {
    Ok(Box::new(rows::sentences(file.input()?, Unit::Character)?.map(|sentence| {
        let sentence = sentence?;
        let id = sentence.comment.as_deref().and_then(|comment| comment.split('\t').next());
        Ok(Row {
            place: sentence.place,
            id: id.map(str::to_owned),
            text: sentence.text,
            text_pair: None,
            truth: Truth::Entities(sentence.entities),
        })
    })))
}
