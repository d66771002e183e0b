//! The body of a request.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use shared::schema::Example;

use super::api_error::ApiError;
use crate::encoder::example;

/// The limits of a request; `/model` reports them.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Limits {
    /// The most texts of a request.
    pub(super) texts: usize,
    /// The most characters of a text.
    pub(super) characters: usize,
    /// The most bytes of a body.
    pub(super) bytes: usize,
    /// The time limit for the body to arrive, and again for the answer.
    #[serde(rename = "seconds", serialize_with = "in_seconds")]
    pub(super) time: Duration,
}

fn in_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

/// One example or a list of them.
#[derive(Debug, PartialEq)]
pub(super) enum PredictRequest {
    /// A single example: its texts.
    One(Vec<String>),
    /// A list of examples: the texts of each.
    Many(Vec<Vec<String>>),
}

/// The key of an object that holds a list of examples.
const TEXTS: &str = "texts";

impl PredictRequest {
    /// Parses `{"text": …}`, with the names in `columns` as keys, or a list of such objects, bare or as
    /// `{"texts": […]}`. For a task of single texts, a list may also hold strings.
    ///
    /// # Errors
    /// [`ApiError::Malformed`] where the body is not JSON; [`ApiError::Unfit`] with the reason where it is another value,
    /// or beyond a limit.
    pub(super) fn parse(body: &[u8], columns: &[&str], limits: &Limits) -> Result<PredictRequest, ApiError> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| ApiError::Malformed(error.to_string()))?;
        match value {
            Value::Object(mut object) if object.contains_key(TEXTS) => {
                let texts = object.remove(TEXTS).unwrap_or_default();
                if let Some(key) = object.keys().next() {
                    return Err(unfit(format!("`{key}` has no meaning beside `{TEXTS}`")));
                }
                let Value::Array(items) = texts else {
                    return Err(unfit(format!("`{TEXTS}` is not a list")));
                };
                many(items, columns, limits)
            }
            Value::Array(items) => many(items, columns, limits),
            // A bare string may be a mistake, so a single text needs its key.
            Value::String(_) => Err(unfit(format!("an object with {} is expected", named(columns)))),
            value => Ok(PredictRequest::One(one(value, columns, limits)?)),
        }
    }

    /// The examples, with their numbers from 1 as ids.
    pub(super) fn examples(&self) -> Vec<Example> {
        let all = match self {
            PredictRequest::One(texts) => std::slice::from_ref(texts),
            PredictRequest::Many(all) => all,
        };
        (1..).zip(all).map(|(id, texts): (u64, _)| example(id.to_string(), texts.iter().cloned())).collect()
    }
}

fn many(items: Vec<Value>, columns: &[&str], limits: &Limits) -> Result<PredictRequest, ApiError> {
    if items.is_empty() || items.len() > limits.texts {
        return Err(unfit(format!("the list has {} items, and may have 1 to {}", items.len(), limits.texts)));
    }
    let item = |(number, item): (usize, Value)| {
        one(item, columns, limits).map_err(|refusal| match refusal {
            ApiError::Unfit(reason) => unfit(format!("item {number}: {reason}")),
            other => other,
        })
    };
    Ok(PredictRequest::Many((1..).zip(items).map(item).collect::<Result<_, _>>()?))
}

/// The texts of an example, in the order of `columns`.
fn one(value: Value, columns: &[&str], limits: &Limits) -> Result<Vec<String>, ApiError> {
    let mut object = match (value, columns) {
        (Value::Object(object), _) => object,
        (text @ Value::String(_), [only]) => Map::from_iter([((*only).to_owned(), text)]),
        _ => return Err(unfit(format!("an object with {} is expected", named(columns)))),
    };
    let mut texts = Vec::with_capacity(columns.len());
    for column in columns {
        match object.remove(*column) {
            Some(Value::String(text)) => texts.push(text),
            Some(_) => return Err(unfit(format!("`{column}` is not a string"))),
            None => return Err(unfit(format!("`{column}` is missing; {} is expected", named(columns)))),
        }
    }
    if let Some(key) = object.keys().next() {
        return Err(unfit(format!("`{key}` is unknown; {} is expected", named(columns))));
    }
    let too_long = |text: &String| text.chars().nth(limits.characters).is_some();
    if texts.iter().any(too_long) {
        return Err(unfit(format!("a text has more than {} characters", limits.characters)));
    }
    Ok(texts)
}

fn named(columns: &[&str]) -> String {
    columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(" and ")
}

fn unfit(reason: String) -> ApiError {
    ApiError::Unfit(reason)
}

#[cfg(test)]
mod tests {
    use super::super::tests::schema::Description;
    use super::*;

    const ONE: &[&str] = &["text"];
    const PAIR: &[&str] = &["question", "context"];
    const LIMITS: Limits = Limits { bytes: 0, texts: 2, characters: 3, time: Duration::ZERO };

    fn many(all: &[&[&str]]) -> PredictRequest {
        PredictRequest::Many(
            all.iter().map(|texts| texts.iter().map(|&text| text.to_owned()).collect()).collect(),
        )
    }

    fn check(body: &str, columns: &[&str], expect: PredictRequest) {
        assert_eq!(PredictRequest::parse(body.as_bytes(), columns, &LIMITS), Ok(expect), "{body}");
        assert!(is_described(body), "openapi.json does not allow {body}");
    }

    fn is_described(body: &str) -> bool {
        serde_json::from_str(body).is_ok_and(|value| Description::read().allows(&value))
    }

    /// Checks a body whose shape openapi.json does not allow either.
    fn check_misshapen(body: &str, columns: &[&str], status: u16, part: &str) {
        check_refused(body, columns, status, part);
        assert!(!is_described(body), "openapi.json allows {body}");
    }

    fn check_refused(body: &str, columns: &[&str], status: u16, part: &str) {
        let refusal = PredictRequest::parse(body.as_bytes(), columns, &LIMITS).unwrap_err();
        assert_eq!(refusal.status().as_u16(), status, "{refusal:?}");
        let (ApiError::Malformed(reason) | ApiError::Unfit(reason)) = &refusal else { panic!("{refusal:?}") };
        assert!(reason.contains(part), "`{reason}` lacks `{part}`");
    }

    #[test]
    fn a_body_holds_an_example_or_a_list() {
        check(r#"{"text": "가나다"}"#, ONE, PredictRequest::One(vec!["가나다".into()]));
        check(r#"{"texts": ["가", ""]}"#, ONE, many(&[&["가"], &[""]]));
        check(r#"["가", "나"]"#, ONE, many(&[&["가"], &["나"]]));
        check(r#"[{"text": "가"}, "나"]"#, ONE, many(&[&["가"], &["나"]]));
        let pair = r#"{"context": "나", "question": "가"}"#;
        check(pair, PAIR, PredictRequest::One(vec!["가".into(), "나".into()]));
        check(&format!("[{pair}]"), PAIR, many(&[&["가", "나"]]));
        check(&format!("{{\"texts\": [{pair}]}}"), PAIR, many(&[&["가", "나"]]));
    }

    #[test]
    fn malformed_bodies_are_refused_with_a_reason() {
        check_misshapen("{\"text\"", ONE, 400, "line 1 column 7");
        check_misshapen("", ONE, 400, "EOF");
        check_misshapen("[[[", ONE, 400, "EOF");
        check_misshapen("7", ONE, 422, "an object with `text`");
        check_misshapen("{}", ONE, 422, "`text` is missing");
        check_misshapen(r#"{"text": 7}"#, ONE, 422, "`text` is not a string");
        check_misshapen(r#"{"text": "", "lang": "ko"}"#, ONE, 422, "`lang` is unknown");
        check_misshapen(r#"{"texts": "가"}"#, ONE, 422, "`texts` is not a list");
        check_misshapen(r#"{"texts": [], "text": ""}"#, ONE, 422, "`text` has no meaning beside `texts`");
        check_misshapen(r#"{"texts": ["가", 7]}"#, ONE, 422, "item 2: an object with `text`");
        check_misshapen(r#""가""#, ONE, 422, "an object with `text`");
        check_misshapen(r#""가""#, PAIR, 422, "`question` and `context`");
        check_misshapen(r#"{"question": "가"}"#, PAIR, 422, "`context` is missing");
    }

    #[test]
    fn bodies_beyond_a_limit_are_refused() {
        check_misshapen("[]", ONE, 422, "1 to 2");
        check_refused(r#"["", "", ""]"#, ONE, 422, "the list has 3 items");
        check_refused(r#"{"text": "가나다라"}"#, ONE, 422, "more than 3 characters");
        check_refused(r#"{"question": "", "context": "가나다라"}"#, PAIR, 422, "more than 3 characters");
    }
}
