//! Deserializers for `id2label` and `label2id`. As in `transformers`, values are names or numbers, and a map may be null.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads `id2label`: names by id.
pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<usize, String>, D::Error> {
    let map: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
    let entry = |(id, name): (String, Value)| {
        let wrong = || D::Error::custom(format!("`id2label` has the key `{id}`, which is no id"));
        Ok((id.trim().parse().map_err(|_| wrong())?, name_of(&name, &id)))
    };
    map.into_iter().flatten().map(entry).collect()
}

/// The name of class `id` in text. A class without a name gets the default of `transformers`, `LABEL_` and its id.
fn name_of(name: &Value, id: &str) -> String {
    match name {
        Value::String(name) => name.clone(),
        Value::Null => format!("LABEL_{id}"),
        other => other.to_string(),
    }
}

/// Reads `label2id`: ids by name.
pub(super) fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, usize>, D::Error> {
    let map: Option<BTreeMap<String, Value>> = Option::deserialize(deserializer)?;
    let entry = |(name, id): (String, Value)| {
        let number = match &id {
            Value::Number(number) => number.as_u64().and_then(|id| usize::try_from(id).ok()),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let wrong = || D::Error::custom(format!("`label2id` has {id} for `{name}`, which is no id"));
        Ok((name.clone(), number.ok_or_else(wrong)?))
    };
    map.into_iter().flatten().map(entry).collect()
}

/// Reads a value, and takes null for an absent key.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(usize, &str)]) {
        let found = names(&mut serde_json::Deserializer::from_str(text)).unwrap();
        let found: Vec<(usize, &str)> = found.iter().map(|(&id, name)| (id, name.as_str())).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn names_may_be_numbers_or_absent() {
        check(r#"{"0": "no", "1": "yes"}"#, &[(0, "no"), (1, "yes")]);
        check(
            r#"{"0": 0, "1": 2.5, "10": true, "2": null}"#,
            &[(0, "0"), (1, "2.5"), (2, "LABEL_2"), (10, "true")],
        );
        check("null", &[]);
    }

    #[test]
    fn ids_may_be_text() {
        let read = |text: &str| ids(&mut serde_json::Deserializer::from_str(text));
        assert_eq!(
            read(r#"{"no": "0", "yes": 1}"#).unwrap(),
            BTreeMap::from([("no".into(), 0), ("yes".into(), 1)])
        );
        assert_eq!(read("null").unwrap(), BTreeMap::new());
        for wrong in [r#"{"no": "x"}"#, r#"{"no": null}"#, r#"{"no": -1}"#] {
            assert!(read(wrong).unwrap_err().to_string().contains("`no`"), "{wrong}");
        }
    }
}
