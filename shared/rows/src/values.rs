//! What a column holds, as a text, a name or a truth. A table's fields are strings.

use serde::Deserialize;
use serde_json::Value;
use shared::schema::{Answer, Entity, Truth, TruthKind};

/// What a column should have held.
pub(super) type Wanted = &'static str;

/// Stands between the labels of a table's field.
const LABEL_SEPARATOR: char = '|';

/// An answer as SQuAD writes it.
#[derive(Debug, Deserialize)]
pub(super) struct SquadAnswer {
    text: String,
    answer_start: u32,
}

impl From<SquadAnswer> for Answer {
    fn from(answer: SquadAnswer) -> Answer {
        Answer { start: answer.answer_start, text: answer.text }
    }
}

pub(super) fn text(value: Value) -> Result<String, Wanted> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("a string"),
    }
}

/// An id or a label.
pub(super) fn name(value: Value) -> Result<String, Wanted> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        _ => Err("a string or an integer"),
    }
}

pub(super) fn truth(kind: TruthKind, value: Value) -> Result<Truth, Wanted> {
    Ok(match kind {
        TruthKind::Nothing => Truth::Unknown,
        TruthKind::Label => Truth::Label(name(value)?),
        TruthKind::Labels => Truth::Labels(labels(value)?),
        TruthKind::Score => Truth::Score(score(&value)?),
        TruthKind::Entities => Truth::Entities(entities(value)?),
        TruthKind::Answers => Truth::Answers(answers(value)?),
    })
}

fn labels(value: Value) -> Result<Vec<String>, Wanted> {
    let wanted = "a list of labels, or a string of labels with `|` between them";
    match value {
        Value::Array(labels) => labels.into_iter().map(|label| name(label).map_err(|_| wanted)).collect(),
        Value::String(labels) if labels.is_empty() => Ok(Vec::new()),
        Value::String(labels) => Ok(labels.split(LABEL_SEPARATOR).map(str::to_owned).collect()),
        _ => Err(wanted),
    }
}

fn score(value: &Value) -> Result<f64, Wanted> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    number.filter(|number| number.is_finite()).ok_or("a number")
}

fn entities(value: Value) -> Result<Vec<Entity>, Wanted> {
    serde_json::from_value(value)
        .map_err(|_| "a list of entities {\"start\": 0, \"end\": 2, \"label\": \"PS\"}")
}

fn answers(value: Value) -> Result<Vec<Answer>, Wanted> {
    let answers: Result<Vec<SquadAnswer>, _> = serde_json::from_value(value);
    let answers = answers.map_err(|_| "a list of answers {\"text\": \"1883년\", \"answer_start\": 0}")?;
    Ok(answers.into_iter().map(Answer::from).collect())
}
