//! Checks values against the schemas of openapi.json, by the keywords of JSON Schema that they use.

use serde_json::Value;

use super::super::pages::OPENAPI;

pub(in crate::serve) struct Description(Value);

impl Description {
    pub(in crate::serve) fn read() -> Description {
        Description(serde_json::from_str(OPENAPI).unwrap())
    }

    pub(super) fn value(&self) -> &Value {
        &self.0
    }

    /// Checks `body` as a request to /predict.
    pub(in crate::serve) fn allows(&self, body: &Value) -> bool {
        let request = &self.0["paths"]["/predict"]["post"]["requestBody"];
        self.fits(body, &request["content"]["application/json"]["schema"])
    }

    /// Checks `code` and `body`, JSON or not, as an answer of `method path`.
    pub(super) fn describes(&self, method: &str, path: &str, code: u16, body: &str) -> bool {
        let operation = &self.0["paths"][path][method.to_lowercase()];
        let Some(content) = operation["responses"][code.to_string()]["content"].as_object() else {
            return false;
        };
        content.iter().all(|(kind, content)| {
            let value =
                if kind == "application/json" { serde_json::from_str(body).unwrap() } else { body.into() };
            self.fits(&value, &content["schema"])
        })
    }

    fn fits(&self, value: &Value, schema: &Value) -> bool {
        schema.as_object().unwrap().iter().all(|(keyword, rule)| match keyword.as_str() {
            "$ref" => {
                self.fits(value, self.0.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap())
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|schema| self.fits(value, schema)),
            "type" => {
                rule.as_array().map_or_else(|| is(value, rule), |any| any.iter().any(|kind| is(value, kind)))
            }
            "const" => value == rule,
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "items" => value.as_array().is_none_or(|items| items.iter().all(|item| self.fits(item, rule))),
            "required" => {
                let keys = rule.as_array().unwrap();
                value
                    .as_object()
                    .is_none_or(|object| keys.iter().all(|key| object.contains_key(key.as_str().unwrap())))
            }
            "properties" => rule
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, schema)| value.get(key).is_none_or(|value| self.fits(value, schema))),
            "additionalProperties" => value.as_object().is_none_or(|object| {
                let mut others = object.iter().filter(|(key, _)| schema["properties"].get(key).is_none());
                others.all(|(_, value)| *rule != false && self.fits(value, rule))
            }),
            "description" | "title" => true,
            other => panic!("`{other}` is not known here"),
        })
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("`{other}` is not known here"),
    }
}
