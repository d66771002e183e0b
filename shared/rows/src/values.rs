//! Conversion of a column's value to a text, an id, a label or another truth. The fields of a table are strings.

use serde_json::{Map, Number, Value};
use shared::schema::column::{ANSWER_START, TEXT};
use shared::schema::{Answer, Entity, Truth, TruthKind};

/// The kind of value that a column should hold, as an error message names it.
pub(super) type Expected = &'static str;

/// A text: a string or an integer. Fractional numbers are refused, since they have several spellings.
pub(super) fn text(value: Value) -> Result<String, Expected> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        Value::Object(_) | Value::Array(_) => {
            Err("a string; an object holds one row (what pandas writes with orient=\"records\")")
        }
        _ => Err("a string or an integer; write it as a string"),
    }
}

/// An id: a string or a whole number.
pub(super) fn name(value: Value) -> Result<String, Expected> {
    let wanted = "a string or an integer";
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => integer(&number).ok_or(wanted),
        _ => Err(wanted),
    }
}

/// A label: a string, a whole number or a boolean.
pub(super) fn label(value: Value) -> Result<String, Expected> {
    match value {
        Value::String(text) => Ok(text),
        Value::Bool(label) => Ok(label.to_string()),
        Value::Number(number) => integer(&number)
            .ok_or("a string, an integer or a boolean; a number that is not whole is a score, for a task with scores"),
        _ => Err("a string, an integer or a boolean"),
    }
}

/// The digits of `number`, if it is whole. pandas writes 1.0 for 1 in a column with missing values.
fn integer(number: &Number) -> Option<String> {
    match number.as_f64().filter(|_| number.is_f64()) {
        None => Some(number.to_string()),
        // A double is exact up to 2^53.
        Some(value) => {
            (value.fract() == 0.0 && value.abs() <= 2_f64.powi(53)).then(|| format!("{:.0}", value + 0.0))
        }
    }
}

/// A boolean, or 0 or 1; null means false.
pub(super) fn flag(value: Value) -> Result<bool, Expected> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(flag),
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(false),
        Value::Number(number) if number.as_f64() == Some(1.0) => Ok(true),
        _ => Err("true or false"),
    }
}

/// A truth of this `kind`; `separator` is the text between two labels of a string.
pub(super) fn truth(kind: TruthKind, value: Value, separator: &str) -> Result<Truth, Expected> {
    Ok(match kind {
        TruthKind::Nothing => Truth::Unknown,
        TruthKind::Label => Truth::Label(label(value)?),
        TruthKind::Labels => Truth::Labels(labels(value, separator)?),
        TruthKind::Score => Truth::Score(score(&value)?),
        TruthKind::Entities => Truth::Entities(entities(value)?),
        TruthKind::Answers => Truth::Answers(answers(value)?),
    })
}

fn labels(value: Value, separator: &str) -> Result<Vec<String>, Expected> {
    let wanted =
        "a list of labels, or a string of labels with `fetch.files.label_separator` (`|`) between them";
    match value {
        Value::Array(labels) => labels.into_iter().map(|item| label(item).map_err(|_| wanted)).collect(),
        Value::String(labels) if labels.trim().is_empty() => Ok(Vec::new()),
        Value::String(labels) => {
            let labels = labels.split(separator).map(|label| label.trim().to_owned());
            // A blank separator stands for any number of spaces.
            Ok(labels.filter(|label| !label.is_empty() || !separator.trim().is_empty()).collect())
        }
        _ => Err(wanted),
    }
}

/// Whether a row has the label that the column stands for: 0 or 1, as a number, a boolean or a string.
pub(super) fn indicator(value: Value) -> Result<bool, Expected> {
    let number = match &value {
        Value::Bool(holds) => return Ok(*holds),
        Value::String(text) => match text.trim() {
            "true" | "True" => Some(1.0),
            "false" | "False" => Some(0.0),
            number => number.parse().ok(),
        },
        other => other.as_f64(),
    };
    match number {
        Some(0.0) => Ok(false),
        Some(1.0) => Ok(true),
        _ => Err("0 or 1"),
    }
}

fn score(value: &Value) -> Result<f64, Expected> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    number.filter(|number| number.is_finite()).ok_or("a number")
}

fn entities(value: Value) -> Result<Vec<Entity>, Expected> {
    serde_json::from_value(value)
        .map_err(|_| "a list of entities {\"start\": 0, \"end\": 2, \"label\": \"PS\"}")
}

/// Answers: a list of objects, or an object of two lists, as `datasets` stores them.
pub(super) fn answers(value: Value) -> Result<Vec<Answer>, Expected> {
    let wanted = "a list of answers {\"text\": \"1883년\", \"answer_start\": 0}, or {\"text\": [\"1883년\"], \"answer_start\": [0]}";
    let pair = |object: &mut Map<String, Value>| Some((object.remove(TEXT)?, object.remove(ANSWER_START)?));
    let pairs: Vec<(Value, Value)> = match value {
        Value::Array(mut answers) => {
            let pairs: Option<_> = answers.iter_mut().map(|answer| pair(answer.as_object_mut()?)).collect();
            pairs.ok_or(wanted)?
        }
        Value::Object(mut answers) => match pair(&mut answers).ok_or(wanted)? {
            (Value::Array(texts), Value::Array(starts)) if texts.len() == starts.len() => {
                texts.into_iter().zip(starts).collect()
            }
            (Value::Array(_), Value::Array(_)) => {
                return Err("as many answers in `text` as in `answer_start`");
            }
            one => vec![one],
        },
        _ => return Err(wanted),
    };
    pairs.into_iter().map(|(text, start)| answer(text, &start, wanted)).collect()
}

fn answer(text: Value, start: &Value, wanted: Expected) -> Result<Answer, Expected> {
    let Value::String(text) = text else { return Err(wanted) };
    let start = start.as_f64().filter(|start| start.fract() == 0.0).ok_or(wanted)?;
    if text.is_empty() || start < 0.0 {
        return Err(
            "a list of answers with a text and a place from 0 on; a question without an answer has an empty list, or is_impossible = true",
        );
    }
    // The caller refuses places beyond the end of the context.
    Ok(Answer { start: start as u32, text })
}
