//! The names of the labels of own files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use shared::config::LabelNames;
use shared::fault::Fault;
use shared::spelling;

/// The names of labels by the ids that files have in their place.
#[derive(Debug, Clone)]
pub(super) struct Names {
    by_id: HashMap<String, String>,
    /// Each name once, in the order of the ids.
    labels: Vec<String>,
}

impl Names {
    /// Reads the names.
    ///
    /// # Errors
    /// An input fault where the config names a file and it has no names.
    pub(super) fn of(names: &LabelNames) -> Result<Names> {
        match names {
            LabelNames::Listed(names) => Ok(Names::listed(names.clone())),
            LabelNames::Mapped(names) => Ok(Names::mapped(names.clone().into_iter().collect())),
            LabelNames::File(path) => {
                let shown = path.display();
                Names::read(path)
                    .with_context(|| Fault::input(format!("the file {shown} of `fetch.files.label_names`")))
            }
        }
    }

    /// Reads a JSON array or object, or a text with one name per line, as `datasets` does for its `names_file`.
    fn read(path: &Path) -> Result<Names> {
        let text = fs::read_to_string(path).context("it cannot be read as text in UTF-8")?;
        let text = text.trim_start_matches('\u{feff}');
        if path.extension().is_none_or(|extension| extension != "json") {
            let names: Vec<String> =
                text.lines().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
            ensure!(!names.is_empty(), Fault::input("it is empty"));
            return Ok(Names::listed(names));
        }
        let value: Value = serde_json::from_str(text).context("it is no JSON document")?;
        let wanted =
            "it must hold an array of names, or an object that has ids for keys and names for values";
        let name = |name: Value| name.as_str().map(str::to_owned).context(Fault::input(wanted));
        match value {
            Value::Array(names) => Ok(Names::listed(names.into_iter().map(name).collect::<Result<_>>()?)),
            Value::Object(names) => {
                let names = names.into_iter().map(|(id, value)| Ok((id, name(value)?)));
                Ok(Names::mapped(names.collect::<Result<_>>()?))
            }
            _ => Err(Fault::input(wanted).into()),
        }
    }

    fn listed(names: Vec<String>) -> Names {
        Names::mapped(names.into_iter().enumerate().map(|(id, name)| (id.to_string(), name)).collect())
    }

    fn mapped(mut names: Vec<(String, String)>) -> Names {
        names.sort_by(|(left, _), (right, _)| spelling::order(left, right));
        let mut labels: Vec<String> = Vec::new();
        for (_, name) in &names {
            if !labels.contains(name) {
                labels.push(name.clone());
            }
        }
        let by_id =
            names.into_iter().map(|(id, name)| (spelling::of_label(&id).into_owned(), name)).collect();
        Names { by_id, labels }
    }

    /// The name of the label with this `id`, if it has one.
    pub(super) fn name(&self, id: &str) -> Option<&str> {
        self.by_id.get(spelling::of_label(id).as_ref()).map(String::as_str)
    }

    /// Each name once, in the order of the ids.
    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(names: &LabelNames, labels: &[&str], named: &[(&str, Option<&str>)]) {
        let names = Names::of(names).unwrap();
        assert_eq!(names.labels(), labels);
        named.iter().for_each(|(id, name)| assert_eq!(names.name(id), *name, "{id}"));
    }

    fn file(name: &str, text: &str) -> (tempfile::TempDir, LabelNames) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        (folder, LabelNames::File(path))
    }

    #[test]
    fn labels_are_in_the_order_of_their_ids() {
        let listed = LabelNames::Listed(["weak", "strong"].map(str::to_owned).into());
        let first = [("0", Some("weak")), (" 1.0", Some("strong")), ("2", None), ("weak", None)];
        check(&listed, &["weak", "strong"], &first);
        let map = [("10", "z"), ("-1", "b"), ("2", "a"), ("3", "b")];
        let map: BTreeMap<String, String> =
            map.iter().map(|&(id, name)| (id.to_owned(), name.to_owned())).collect();
        check(&LabelNames::Mapped(map), &["b", "a", "z"], &[("-1", Some("b")), ("3", Some("b"))]);
    }

    #[test]
    fn names_are_read_from_files() {
        let check_file = |name: &str, text: &str| {
            let (_folder, names) = file(name, text);
            check(&names, &["weak", "strong"], &[("1", Some("strong"))]);
        };
        check_file("labels.txt", "\u{feff}weak\r\nstrong\r\n\n");
        check_file("labels.json", r#"["weak", "strong"]"#);
        check_file("labels.json", r#"{"1": "strong", "0": "weak"}"#);
        let refused = |name: &str, text: &str| {
            let (_folder, names) = file(name, text);
            format!("{:#}", Names::of(&names).unwrap_err())
        };
        assert!(refused("labels.txt", "\n").ends_with("it is empty"));
        assert!(refused("labels.json", "[1]").contains("an array of names"));
        assert!(refused("labels.json", "[").contains("no JSON document"));
        let missing = Names::of(&LabelNames::File("nowhere/labels.txt".into())).unwrap_err();
        assert!(
            missing.to_string().contains("nowhere/labels.txt of `fetch.files.label_names`"),
            "{missing:#}"
        );
    }
}
