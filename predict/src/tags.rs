//! The tags of a model in a folder, and their scheme.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use metrics::entities::{TagScheme, TagSet};
use models::BertConfig;
use serde::Deserialize;
use shared::config::{Aggregation, EntityRecognitionConfig, EntityUnit};
use shared::fault::Fault;
use shared::layout::hub;
use shared::names::listed;
use shared::task::Task;
use tasks::TaskParams;

/// The note that `train` writes into config.json: the unit and the scheme of the tags.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Note {
    unit: Option<EntityUnit>,
    scheme: Option<TagScheme>,
}

impl Note {
    fn read(bert: &BertConfig) -> Note {
        let keys = tasks::spec(Task::EntityRecognition).note(&TaskParams::default());
        let value = keys.and_then(|(key, _)| bert.note(key)).cloned();
        value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }
}

/// The parameters of the task for the model in `folder`, whose config.json is `bert`.
///
/// # Errors
/// A usage fault that lists the tags where they follow no known scheme.
pub(crate) fn params(
    folder: &Path,
    bert: &BertConfig,
    aggregation: Option<Aggregation>,
) -> Result<TaskParams> {
    let tags: Vec<String> = bert.id2label.values().cloned().collect();
    let (note, place) = (Note::read(bert), folder.join(hub::CONFIG));
    let advice =
        "name the tags in its `id2label` as `O`, `B-PER` and `I-PER`, in the order of the model's outputs";
    let unread =
        |why: &str| Fault::usage(format!("{} names the tags {}: {why}", place.display(), listed(&tags)));
    let numbered = tags.iter().enumerate().all(|(id, tag)| *tag == format!("LABEL_{id}"));
    ensure!(!numbered, unread(&format!("these do not name the class of a token; {advice}")));
    let found = note.scheme.or_else(|| TagScheme::of_set(tags.iter().map(String::as_str)));
    let scheme = found.with_context(|| unread(&format!("{}; {advice}", odd_one(&tags))))?;
    let is_named = bert.class().is_some() || scheme != TagScheme::Plain;
    let nameless = "these are not entity tags, and it names no class in `architectures`; add \
                    \"BertForTokenClassification\" there if each token has one of them";
    ensure!(is_named, unread(nameless));
    let set = TagSet::new(&tags, scheme).map_err(|error| unread(&format!("{error}; {advice}")))?;
    log::info!("the model's tags follow the scheme `{}`: {}", scheme.name(), scheme.example());
    let simple = (note.unit.is_none() && aggregation.is_none()).then_some(Aggregation::Simple);
    if simple.is_some() {
        log::warn!(
            "{} does not say whether every token has a tag or only the first one of a word: neighbouring tokens of one \
             class form an entity, as with --aggregation simple; for a model with one tag a word, as run_ner trains \
             it, give --aggregation first",
            place.display()
        );
    }
    let entity_recognition = EntityRecognitionConfig {
        unit: note.unit.unwrap_or_default(),
        scheme: Some(scheme),
        aggregation: aggregation.or(simple),
        ..EntityRecognitionConfig::default()
    };
    Ok(TaskParams { labels: set.classes().to_vec(), tags, entity_recognition, ..TaskParams::default() })
}

/// A clause that names the first of `tags` outside the scheme of the others, which the first recognized tag decides.
fn odd_one(tags: &[String]) -> String {
    let first = tags.iter().find_map(|tag| Some((tag, TagScheme::of_tag(tag)?)));
    let odd = first.and_then(|(first, scheme)| {
        let odd = tags.iter().find(|tag| scheme.read(tag).is_none())?;
        Some(format!("`{odd}` is not written as `{first}` is"))
    });
    odd.unwrap_or_else(|| "they are written in no known way".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::fault::kind_of;

    fn read(keys: serde_json::Value) -> Result<TaskParams> {
        let folder = tempfile::tempdir().unwrap();
        let mut config = serde_json::json!({"model_type": "bert", "vocab_size": 10, "hidden_size": 8,
            "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
            "max_position_embeddings": 12});
        let object = config.as_object_mut().unwrap();
        object.extend(keys.as_object().unwrap().clone());
        std::fs::write(folder.path().join(hub::CONFIG), config.to_string()).unwrap();
        params(folder.path(), &BertConfig::read(folder.path()).unwrap(), None)
    }

    fn named(tags: &[&str]) -> serde_json::Value {
        let names = tags.iter().enumerate().map(|(id, tag)| (id.to_string(), (*tag).into()));
        serde_json::json!({"id2label": serde_json::Map::from_iter(names)})
    }

    fn check_refused(tags: &[&str], parts: &[&str]) {
        let error = read(named(tags)).unwrap_err();
        let message = format!("{error:#}");
        assert_eq!(kind_of(&error).code(), 2, "{message}");
        parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
    }

    #[test]
    fn tag_schemes_are_recognized() {
        let check = |tags: &[&str], scheme, labels: &[&str]| {
            let params = read(named(tags)).unwrap();
            assert_eq!((params.entity_recognition.scheme, params.tags.len()), (Some(scheme), tags.len()));
            assert_eq!(
                (params.labels, params.entity_recognition.aggregation),
                (labels.iter().map(|&label| label.to_owned()).collect(), Some(Aggregation::Simple))
            );
        };
        check(&["B-LC", "O", "I-LC"], TagScheme::Iob2, &["LC"]);
        check(&["O", "LC-B", "LC-I", "PS-B"], TagScheme::Iob2Suffix, &["LC", "PS"]);
        check(&["O", "LC"], TagScheme::Io, &["LC"]);
    }

    #[test]
    fn the_note_of_train_is_read_back() {
        let mut keys = named(&["O", "B-LC", "I-LC"]);
        keys["entity_recognition"] = serde_json::json!({"unit": "word"});
        let read = read(keys).unwrap().entity_recognition;
        assert_eq!((read.unit, read.aggregation), (EntityUnit::Word, None));
    }

    #[test]
    fn tags_without_a_scheme_are_refused_by_name() {
        check_refused(&["LABEL_0", "LABEL_1"], &["config.json", "`LABEL_0`, `LABEL_1`", "`id2label`"]);
        check_refused(&["O", "B-LC", "LC-I"], &["`LC-I` is not written as `B-LC` is"]);
        check_refused(&["bad", "good"], &["`bad`, `good`", "no class in `architectures`"]);
        let many: Vec<String> = (0..30).map(|id| format!("LABEL_{id}")).collect();
        check_refused(&many.iter().map(String::as_str).collect::<Vec<_>>(), &["`LABEL_9` and 20 more"]);
    }
}
