//! The class names of a `ClassLabel` column, which `datasets` writes to the `huggingface` metadata of a Parquet file.

use std::path::Path;

use serde_json::Value;
use shared::config::{FileColumns, LabelColumns};
use shared::schema::{ParquetReader, TruthKind};

/// The class names of the label column in the Parquet file at `path`, by number; none where the file has no such names or
/// cannot be read.
pub fn class_names(path: &Path, columns: &FileColumns, truth: TruthKind) -> Option<Vec<String>> {
    let column = match truth {
        TruthKind::Label => columns.label.name(),
        TruthKind::Labels => match &columns.labels {
            LabelColumns::One(column) => column.name(),
            LabelColumns::OneHot(_) => return None,
        },
        _ => return None,
    };
    find(ParquetReader::open(path).ok()?.metadata(KEY)?, &column)
}

/// The key of the metadata.
pub(super) const KEY: &str = "huggingface";

/// The class names, by number, of the column `name` or of the items in its lists.
pub(super) fn find(metadata: &str, name: &str) -> Option<Vec<String>> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    names(metadata.get("info")?.get("features")?.get(name)?)
}

fn names(feature: &Value) -> Option<Vec<String>> {
    match feature {
        // Older releases write the feature of a list's items in a list.
        Value::Array(items) => names(items.first()?),
        Value::Object(keys) if keys.get("_type").is_some_and(|kind| kind == "ClassLabel") => {
            let names = keys.get("names")?.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect()
        }
        Value::Object(keys) => names(keys.get("feature")?),
        _ => None,
    }
}

/// Replaces numbers by their `names`, in lists too. Numbers without a name stay.
pub(super) fn named(value: Value, names: &[String]) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| named(item, names)).collect(),
        Value::Number(number) => {
            let name = number.as_u64().and_then(|number| names.get(usize::try_from(number).ok()?));
            name.map_or(Value::Number(number), |name| name.as_str().into())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(feature: &str, expect: Option<&[&str]>) {
        let metadata = format!(r#"{{"info": {{"features": {{"ner_tags": {feature}}}}}}}"#);
        let expect = expect.map(|names| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(find(&metadata, "ner_tags"), expect, "{feature}");
    }

    #[test]
    fn names_are_found_in_every_metadata_form() {
        let label = r#"{"names": ["O", "B-PS"], "_type": "ClassLabel"}"#;
        check(label, Some(&["O", "B-PS"]));
        for list in ["Sequence", "List", "LargeList"] {
            check(&format!(r#"{{"feature": {label}, "_type": "{list}"}}"#), Some(&["O", "B-PS"]));
        }
        check(&format!("[{label}]"), Some(&["O", "B-PS"]));
        check(r#"{"dtype": "int64", "_type": "Value"}"#, None);
        check(r#"{"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"}"#, None);
        assert_eq!(find("{}", "ner_tags"), None);
    }

    #[test]
    fn numbers_without_names_stay() {
        let names = ["bad".to_owned(), "good".to_owned()];
        let value = serde_json::json!([1, 0, 2, -1, "bad"]);
        assert_eq!(named(value, &names), serde_json::json!(["good", "bad", 2, -1, "bad"]));
    }
}
