//! Fingerprints: the name of a result is a hash of all that it depends on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::config::{Config, FilesConfig, LabelNames, ModelSource, ScratchConfig};
use crate::digest::{DigestCache, canonical_json, sha256_bytes};
use crate::fault::Fault;
use crate::layout::{Stage, content_extension};
use crate::manifest::FORMAT_VERSION;
use crate::task::Task;

/// Keys that say where or how fast something is computed, never what.
const RESULT_FREE: [(Stage, &[&str]); 4] = [
    (Stage::Fetch, &["mirror", "offline"]),
    (Stage::Tokenize, &["workers"]),
    (Stage::Train, &["device", "threads", "checkpoint_every_steps", "checkpoint_every_minutes"]),
    (Stage::Evaluate, &["device", "threads"]),
];

/// Keys of a task's section that a stage does not read.
const UNREAD: [(Stage, &[&str]); 3] = [
    (
        Stage::Tokenize,
        &[
            "max_answer_length",
            "n_best",
            "answerable",
            "null_score_diff_threshold",
            "loss_padding",
            "aggregation",
        ],
    ),
    (Stage::Train, &["n_best", "aggregation"]),
    (Stage::Evaluate, &["aggregation"]),
];

/// The extensions of configs, tokenizers, vocabularies and weights.
const MODEL_EXTENSIONS: [&str; 4] = ["json", "txt", "safetensors", "bin"];

/// The fingerprint of `stage`: 16 hexadecimal digits. `inputs` are the content digests of its input folders.
pub(crate) fn fingerprint(
    stage: Stage,
    config: &Config,
    inputs: &BTreeMap<Stage, String>,
    digests: &mut DigestCache,
) -> Result<String> {
    let mut parts = json!({
        "format_version": FORMAT_VERSION,
        "stage": stage,
        "task": config.task,
        "section": result_section(stage, config)?,
        "inputs": inputs,
    });
    match stage {
        Stage::Fetch => {
            parts["section"] = fetch_section(config, parts["section"].take(), digests)?;
        }
        Stage::Tokenize => parts["test_mode"] = config.test_mode.into(),
        Stage::Train => parts["seed"] = config.seed.into(),
        Stage::Evaluate => {}
    }
    if let Some(section) = task_section(stage, config)? {
        parts["task_section"] = section;
    }
    Ok(sha256_bytes(canonical_json(&parts).as_bytes())[..16].to_owned())
}

/// The config section of `stage`, whole: what its manifest records.
pub(crate) fn section(stage: Stage, config: &Config) -> Result<Value> {
    Ok(match stage {
        Stage::Fetch => serde_json::to_value(&config.fetch)?,
        Stage::Tokenize => serde_json::to_value(&config.tokenize)?,
        Stage::Train => serde_json::to_value(&config.train)?,
        Stage::Evaluate => serde_json::to_value(&config.evaluate)?,
    })
}

fn result_section(stage: Stage, config: &Config) -> Result<Value> {
    Ok(without(&RESULT_FREE, stage, section(stage, config)?))
}

/// The keys of the task's section that `stage` reads; fetch reads only the scheme of tags.
fn task_section(stage: Stage, config: &Config) -> Result<Option<Value>> {
    let section = match config.task {
        Task::EntityRecognition if stage == Stage::Fetch => {
            return Ok(config.entity_recognition.scheme.map(|scheme| json!({ "scheme": scheme })));
        }
        _ if stage == Stage::Fetch => return Ok(None),
        Task::Classification
        | Task::PairClassification
        | Task::Regression
        | Task::PairRegression
        | Task::MultiLabel => {
            return Ok(None);
        }
        Task::QuestionAnswering => serde_json::to_value(&config.question_answering)?,
        Task::EntityRecognition => serde_json::to_value(&config.entity_recognition)?,
        // Features hold whole texts; what is masked of them follows from the seed too.
        Task::MaskedLm if stage == Stage::Tokenize => return Ok(None),
        Task::MaskedLm => json!({ "masked_lm": config.masked_lm, "seed": config.seed }),
    };
    Ok(Some(without(&UNREAD, stage, section)))
}

/// `section` less the keys that `table` has for `stage`.
fn without(table: &[(Stage, &[&str])], stage: Stage, mut section: Value) -> Value {
    if let Value::Object(keys) = &mut section {
        let named = table.iter().filter(|(of, _)| *of == stage).flat_map(|(_, keys)| keys.iter());
        named.for_each(|key| drop(keys.remove(*key)));
    }
    section
}

/// Fetch's section with the content of local files in place of their paths, and without what does not apply.
fn fetch_section(config: &Config, mut section: Value, digests: &mut DigestCache) -> Result<Value> {
    if let Some(files) = &config.fetch.files {
        section["files"] = own_files(files, digests)?;
        if files.dev.is_some() {
            section["dev_fraction"] = Value::Null;
        }
        if files.test.is_some() {
            section["test_fraction"] = Value::Null;
        }
    }
    match config.fetch.model_source() {
        ModelSource::Folder(folder) => {
            section["model"] = folder_content("fetch.model", &folder, digests)?;
            section["revision"] = Value::Null;
            section["scratch"] = Value::Null;
        }
        // What the run has trained is among the inputs.
        ModelSource::Run(_) => {
            section["revision"] = Value::Null;
            section["scratch"] = Value::Null;
        }
        ModelSource::Hub { .. } => section["scratch"] = Value::Null,
        ModelSource::Scratch => scratch_section(&config.fetch.scratch, &mut section, digests)?,
    }
    Ok(section)
}

fn scratch_section(config: &ScratchConfig, section: &mut Value, digests: &mut DigestCache) -> Result<()> {
    let tokenizer = config.tokenizer_source();
    if !matches!(tokenizer, Some(ModelSource::Hub { .. })) {
        section["revision"] = Value::Null;
    }
    if let Some(ModelSource::Folder(folder)) = &tokenizer {
        section["scratch"]["tokenizer"] = folder_content("fetch.scratch.tokenizer", folder, digests)?;
    }
    if tokenizer.is_some() {
        section["scratch"]["vocab_size"] = Value::Null;
        section["scratch"]["lowercase"] = Value::Null;
    }
    Ok(())
}

fn own_files(files: &FilesConfig, digests: &mut DigestCache) -> Result<Value> {
    let mut value = serde_json::to_value(files)?;
    let paths = [("train", Some(&files.train)), ("dev", files.dev.as_ref()), ("test", files.test.as_ref())];
    for (split, path) in paths {
        let Some(path) = path else { continue };
        let readable =
            || Fault::input(format!("`fetch.files.{split}` does not name a file that can be read"));
        value[split] = json!([digests.sha256(path).with_context(readable)?, content_extension(path)]);
    }
    if let Some(LabelNames::File(path)) = &files.label_names {
        let readable = || Fault::input("`fetch.files.label_names` names a file that cannot be read");
        value["label_names"] = json!([digests.sha256(path).with_context(readable)?, content_extension(path)]);
    }
    Ok(value)
}

/// A README, say, is not: it changes nothing.
fn is_of_model(path: &Path) -> bool {
    path.extension().is_some_and(|extension| MODEL_EXTENSIONS.iter().any(|known| extension == *known))
}

/// `key` names the folder in the config.
fn folder_content(key: &str, folder: &Path, digests: &mut DigestCache) -> Result<Value> {
    let missing = || Fault::input(format!("`{key}`: the folder {} cannot be read", folder.display()));
    let entries = fs::read_dir(folder).with_context(missing)?;
    let mut files: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>().with_context(missing)?;
    files.retain(|path| path.is_file() && is_of_model(path));
    files.sort();
    let mut content = BTreeMap::new();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        content.insert(name, digests.sha256(&path)?);
    }
    Ok(json!(content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Trust;

    const CONFIG: &str = "name = \"a\"\n[fetch]\ncorpus = \"nsmc\"\nmodel = \"scratch\"\n";

    fn of(stage: Stage, extra: &str) -> String {
        let mut text = CONFIG.to_owned();
        text.insert_str(text.find('[').unwrap(), extra.split("[").next().unwrap());
        if let Some(section) = extra.find('[') {
            let section = &extra[section..];
            match section.strip_prefix("[fetch]") {
                Some(keys) => text.push_str(keys),
                None => text.push_str(section),
            }
        }
        let config: Config = toml::from_str(&text).unwrap();
        let mut digests = DigestCache::open("/nonexistent/memory".into(), Trust::Nothing);
        fingerprint(stage, &config, &BTreeMap::new(), &mut digests).unwrap()
    }

    fn check(stage: Stage, extra: &str, changes: bool) {
        assert_eq!(of(stage, extra) != of(stage, ""), changes, "{stage} with {extra:?}");
    }

    #[test]
    fn own_section_counts_and_others_do_not() {
        check(Stage::Train, "[train]\nlearning_rate = 1e-5", true);
        check(Stage::Fetch, "[train]\nlearning_rate = 1e-5", false);
        check(Stage::Tokenize, "[train]\nlearning_rate = 1e-5", false);
        check(Stage::Tokenize, "[tokenize]\nmax_seq_length = 64", true);
        check(Stage::Evaluate, "[evaluate]\nsplit = \"dev\"", true);
        check(Stage::Fetch, "[fetch]dev_fraction = 0.1", true);
    }

    #[test]
    fn paths_and_speed_settings_do_not_count() {
        check(Stage::Train, "[train]\ndevice = \"cpu\"\nthreads = 1", false);
        check(Stage::Evaluate, "[evaluate]\ndevice = \"cuda:1\"", false);
        check(Stage::Tokenize, "[tokenize]\nworkers = 3", false);
        check(Stage::Fetch, "[fetch]mirror = \"/m\"\noffline = true", false);
    }

    #[test]
    fn the_section_of_the_task_counts_where_it_is_read() {
        const TASK: &str = "task = \"question_answering\"\n";
        let check_task = |stage, key: &str, changes| {
            let with = of(stage, &format!("{TASK}[question_answering]\n{key}"));
            assert_eq!(with != of(stage, TASK), changes, "{stage} with {key:?}");
            check(stage, &format!("[question_answering]\n{key}"), false);
        };
        for (stage, [stride, length, n_best, padding]) in [
            (Stage::Fetch, [false; 4]),
            (Stage::Tokenize, [true, false, false, false]),
            (Stage::Train, [true, true, false, true]),
            (Stage::Evaluate, [true; 4]),
        ] {
            check_task(stage, "doc_stride = 64", stride);
            check_task(stage, "max_answer_length = 10", length);
            check_task(stage, "n_best = 3", n_best);
            check_task(stage, "loss_padding = \"counted\"", padding);
        }
    }

    #[test]
    fn the_seed_counts_where_it_is_used() {
        check(Stage::Train, "seed = 1\n", true);
        check(Stage::Tokenize, "seed = 1\n", false);
        check(Stage::Fetch, "seed = 1\n", false);
        check(Stage::Tokenize, "test_mode = true\n", true);
    }

    #[test]
    fn masking_counts_only_for_masked_lm() {
        let masked = |stage, extra: &str| of(stage, &format!("task = \"masked_lm\"\n{extra}"));
        let check = |stage, extra, changes| {
            assert_eq!(masked(stage, extra) != masked(stage, ""), changes, "{stage} with {extra:?}");
        };
        let section = "[masked_lm]\nunit = \"word\"";
        check(Stage::Tokenize, section, false);
        check(Stage::Train, section, true);
        check(Stage::Evaluate, section, true);
        check(Stage::Evaluate, "seed = 1\n", true);
        self::check(Stage::Train, section, false);
        self::check(Stage::Evaluate, "seed = 1\n", false);
    }

    #[test]
    fn the_section_of_the_task_alone_counts() {
        let section = "[entity_recognition]\nstride = 16";
        let with_task = |stage| {
            let task = "task = \"entity_recognition\"\n";
            of(stage, &format!("{task}{section}")) != of(stage, task)
        };
        check(Stage::Tokenize, section, false);
        assert!(with_task(Stage::Tokenize) && with_task(Stage::Train) && with_task(Stage::Evaluate));
        assert!(!with_task(Stage::Fetch));
    }

    #[test]
    fn vocabulary_keys_do_not_count_with_a_tokenizer() {
        let taken = "[fetch]scratch.tokenizer = \"org/name\"\n";
        let differs = |keys: &str| of(Stage::Fetch, &format!("{taken}{keys}")) != of(Stage::Fetch, taken);
        check(Stage::Fetch, taken, true);
        assert!(differs("revision = \"v1\"") && differs("scratch.hidden_size = 512"));
        assert!(!differs("scratch.vocab_size = 500") && !differs("scratch.lowercase = true"));
        check(Stage::Fetch, "[fetch]revision = \"v1\"", false);
        check(Stage::Fetch, "[fetch]scratch.vocab_size = 500", true);
    }

    #[test]
    fn a_default_spelled_out_is_the_same_config() {
        check(Stage::Train, "[train]\nepochs = 3", false);
    }
}
