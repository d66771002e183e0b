//! The rules that keep the house in order, read from the manifests and the sources.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use shared::console::CRATES;
use shared::layout::{MANIFEST, Stage, hub};
use shared::schema::column;
use tests::{STAGES, binary, files_below, workspace};
use toml::Table;

const BURN: [&str; 4] = ["burn", "burn-tch", "tch", "torch-sys"];

fn manifest(package: &str) -> Table {
    fs::read_to_string(workspace().join(package).join("Cargo.toml")).unwrap().parse().unwrap()
}

fn members() -> Vec<String> {
    let root = manifest("");
    let members = root["workspace"]["members"].as_array().unwrap();
    members.iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

/// The dependency tables of a package, one after the other.
fn dependencies(package: &str) -> Table {
    let manifest = manifest(package);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    assert!(manifest.keys().all(|key| key != "target"), "{package} has dependencies of one platform");
    kinds.iter().filter_map(|kind| manifest.get(*kind)?.as_table().cloned()).flatten().collect()
}

/// The packages of the workspace that `package` depends on.
fn own(package: &str) -> BTreeSet<String> {
    let members = members();
    let names: BTreeSet<&str> = members.iter().map(|member| member.rsplit('/').next().unwrap()).collect();
    dependencies(package).keys().filter(|name| names.contains(name.as_str())).cloned().collect()
}

#[test]
fn dependencies_point_one_way() {
    let check = |package: &str, expect: &[&str]| {
        let expect: BTreeSet<String> = expect.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(own(package), expect, "{package}");
    };
    check("shared/kernels", &[]);
    check("shared/metrics", &[]);
    check("shared", &["metrics"]);
    check("shared/tasks", &["metrics", "shared"]);
    check("shared/model_files", &["shared"]);
    // `tasks` in its tests alone, which hold the losses of a split against those of a step.
    check("shared/models", &["kernels", "model_files", "shared", "tasks"]);
    check("shared/rows", &["metrics", "shared"]);
    check("shared/tokenizer", &["shared"]);
    check("fetch", &["metrics", "model_files", "rows", "shared", "tokenizer"]);
    check("tokenize", &["shared", "tasks", "tokenizer"]);
    check("train", &["models", "shared", "tasks", "tokenizer"]);
    check("evaluate", &["models", "metrics", "shared", "tasks"]);
    check("predict", &["models", "metrics", "rows", "shared", "tasks", "tokenizer"]);
}

#[test]
fn only_models_knows_burn() {
    for member in members().iter().filter(|member| *member != "shared/models") {
        let burn = dependencies(member).keys().find(|name| BURN.contains(&name.as_str())).cloned();
        assert_eq!(burn, None, "{member}");
    }
}

#[test]
fn log_lines_of_every_crate_are_shown() {
    let members = members();
    let crates =
        members.iter().map(|member| member.rsplit('/').next().unwrap()).filter(|name| *name != "tests");
    assert_eq!(crates.collect::<BTreeSet<&str>>(), CRATES.into());
}

#[test]
fn versions_stand_in_the_root_manifest() {
    for member in members() {
        for (name, dependency) in dependencies(&member) {
            let inherited = dependency.get("workspace").and_then(toml::Value::as_bool);
            assert_eq!(inherited, Some(true), "{name} of {member}");
        }
    }
}

/// Every Rust file of the workspace, as a path from its root.
fn sources() -> Vec<PathBuf> {
    let folders =
        members().into_iter().flat_map(|member| ["src", "tests"].map(|part| format!("{member}/{part}")));
    let folders = folders.map(|folder| workspace().join(folder)).filter(|folder| folder.is_dir());
    let files = folders.flat_map(|folder| files_below(&folder));
    let rust = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let sources: BTreeSet<_> = rust.map(|file| file.strip_prefix(workspace()).unwrap().to_owned()).collect();
    assert!(sources.contains(Path::new("shared/src/layout.rs")), "{sources:?}");
    sources.into_iter().collect()
}

fn text(source: &Path) -> String {
    fs::read_to_string(workspace().join(source)).unwrap()
}

/// The text of every file of a package's own code, without its tests.
fn code() -> Vec<(PathBuf, String)> {
    let sources = sources();
    let test_modules: BTreeSet<PathBuf> = sources.iter().flat_map(|source| test_modules(source)).collect();
    let own = sources.into_iter().filter(|source| {
        let test =
            source.components().any(|part| part.as_os_str() == "tests") || test_modules.contains(source);
        !test
    });
    let without_tests = |text: String| text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
    own.map(|source| (source.clone(), without_tests(text(&source)))).collect()
}

/// The files that `source` declares as modules of tests alone.
fn test_modules(source: &Path) -> Vec<PathBuf> {
    let text = text(source);
    let declared = text.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once(';')?;
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| name.to_owned())
    });
    declared.map(|name| source.with_file_name(format!("{name}.rs"))).collect()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

/// Only comments may hold one of `words` outside `homes`; each of them has to hold one.
fn check_home(words: &[&str], homes: &[&str], holds: impl Fn(&str, &str) -> bool) {
    let mut used = BTreeSet::<&str>::new();
    for (source, text) in code() {
        for (line, number) in text.lines().zip(1..) {
            let line = line.split("//").next().unwrap_or_default();
            let Some(word) = words.iter().find(|word| holds(line, word)) else { continue };
            let home = homes.iter().find(|home| source.starts_with(home));
            assert!(home.is_some(), "{}, line {number}: {word} belongs into {homes:?}", source.display());
            used.extend(home);
        }
    }
    assert_eq!(used.len(), homes.len(), "{words:?} are in {used:?} of {homes:?}");
}

fn check_literals(names: &[&str], home: &str) {
    check_home(names, &[home], |line, name| line.contains(&format!("\"{name}\"")));
}

#[test]
fn unsafe_code_stays_in_kernels_and_autograd() {
    check_home(&["unsafe"], &["shared/models/src/autograd", "shared/kernels/src"], has_word);
}

/// Only names without another meaning are checked: a config has a `label` too.
#[test]
fn column_names_stand_in_the_schema() {
    use column::{ATTENTION_MASK, EXAMPLE_ID, INPUT_IDS, PREDICTED_LABEL, PROBABILITIES, TOKEN_TYPE_IDS};
    let names = [ATTENTION_MASK, EXAMPLE_ID, INPUT_IDS, PREDICTED_LABEL, PROBABILITIES, TOKEN_TYPE_IDS];
    check_literals(&names, "shared/src/schema");
}

#[test]
fn file_names_stand_in_the_layout() {
    let names = [MANIFEST, hub::CONFIG, hub::WEIGHTS, hub::TOKENIZER, hub::TOKENIZER_CONFIG, hub::VOCAB];
    check_literals(&names, "shared/src/layout.rs");
    check_literals(
        &["metrics.json", "metrics.jsonl", "predictions.parquet", "report.html"],
        "shared/src/layout.rs",
    );
}

#[test]
fn one_file_chooses_the_device() {
    let words = ["libtorch_cuda", "device_count", "flex()"];
    check_home(&words, &["shared/models/src/device.rs"], |line, word| line.contains(word));
}

/// Below it functions take their own section, so that a fingerprint covers all that a stage can depend on.
#[test]
fn only_run_sees_the_whole_config() {
    for (source, text) in code() {
        let of_stage = STAGES.iter().any(|stage| source.starts_with(stage.name()));
        if of_stage && !source.ends_with("src/lib.rs") {
            assert!(!has_word(&text, "Job") && !has_word(&text, "Config"), "{}", source.display());
        }
    }
}

#[test]
fn files_are_named_for_what_they_hold() {
    for source in sources() {
        let name = source.file_stem().unwrap().to_string_lossy();
        assert!(!["utils", "util", "common", "helpers", "misc"].contains(&&*name), "{}", source.display());
    }
}

#[test]
fn main_only_starts_the_stage() {
    let mains: Vec<_> = code().into_iter().filter(|(_, text)| text.contains("fn main()")).collect();
    assert!(mains.len() >= STAGES.len(), "{mains:?}");
    for (source, text) in mains {
        let body = text.split_once("fn main()").unwrap().1;
        assert!(body.lines().count() < 10, "{}", source.display());
    }
}

/// Loading libtorch takes longer than finding that a stage is up to date.
#[test]
fn what_people_call_links_no_libtorch() {
    let needs_libtorch = |binary: &Path| {
        let bytes = fs::read(binary).unwrap();
        bytes.windows(b"libtorch_cpu.so".len()).any(|window| window == b"libtorch_cpu.so")
    };
    for stage in STAGES {
        assert!(!needs_libtorch(&binary(stage)), "{stage}");
    }
    for worker in [Stage::Train, Stage::Evaluate].map(|stage| format!("{stage}-worker")) {
        assert!(needs_libtorch(&binary(Stage::Train).with_file_name(&worker)), "{worker}");
    }
}
