//! The four stages, from files to figures.
#![allow(clippy::unwrap_used, clippy::panic, reason = "only tests")]

use std::fs;
use std::path::Path;

use shared::layout::{MANIFEST, Split, Stage, evaluated};
use shared::manifest::Manifest;
use shared::metadata::TokenizeMetadata;
use shared::schema::{Decoded, Prediction, PredictionReader};
use tests::{STAGES, Sandbox, files_below, workspace};

#[test]
fn four_stages_from_files_to_figures() {
    let sandbox = Sandbox::new();
    for (stage, run) in sandbox.run_all(&[]) {
        assert!(!run.reused(), "{}", run.stderr);
        let folder = sandbox.path(run.folder());
        assert_eq!(folder.parent().unwrap(), sandbox.work().stage(stage));
        assert_eq!(folder.canonicalize().unwrap(), sandbox.folder(stage));
    }
    let evaluated = sandbox.folder(Stage::Evaluate);
    let predictions = predictions(&evaluated);
    check_predictions(&predictions);
    check_metrics(&evaluated, &predictions);
    check_report(&evaluated);
}

fn predictions(folder: &Path) -> Vec<Prediction> {
    let batches = PredictionReader::open(&evaluated::predictions(folder)).unwrap();
    batches.flat_map(Result::unwrap).collect()
}

fn check_predictions(predictions: &[Prediction]) {
    let ids: Vec<&str> = predictions.iter().map(|row| row.example_id.as_str()).collect();
    assert_eq!(ids, (1..=20).map(|row| format!("test-{row:02}")).collect::<Vec<_>>());
    for row in predictions {
        let (predicted, probabilities) = class(row);
        let sum: f32 = probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-6, "{row:?}");
        let positive = probabilities[1] > probabilities[0];
        assert_eq!(predicted, if positive { "positive" } else { "negative" }, "{row:?}");
    }
}

fn class(row: &Prediction) -> (&str, &[f32]) {
    let Decoded::Class { predicted, probabilities } = &row.decoded else { unreachable!("{row:?}") };
    (predicted, probabilities)
}

fn label(row: &Prediction) -> &str {
    row.truth.as_label().unwrap()
}

/// `metrics.json` is what the predictions say.
fn check_metrics(folder: &Path, predictions: &[Prediction]) {
    let text = fs::read_to_string(evaluated::metrics(folder)).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&text).unwrap();
    let right = predictions.iter().filter(|row| label(row) == class(row).0).count();
    assert_eq!(metrics["split"], "test");
    assert_eq!(metrics["examples"], 20);
    assert_eq!(metrics["accuracy"], right as f64 / 20.0);
    assert!((0.0..=1.0).contains(&metrics["macro_f1"].as_f64().unwrap()));
    let id = |row: &Prediction| usize::from(label(row) == "positive");
    let loss = |row: &Prediction| -f64::from(class(row).1[id(row)]).ln();
    let mean = predictions.iter().map(loss).sum::<f64>() / 20.0;
    assert!((metrics["loss"].as_f64().unwrap() - mean).abs() < 1e-6, "{metrics}");
}

/// The page stands by itself: it has the run's figures, and nothing in it is fetched or run.
fn check_report(folder: &Path) {
    let page = fs::read_to_string(evaluated::report(folder)).unwrap();
    let sections = ["figures", "training", "confusion", "ranking", "calibration", "lengths", "provenance"];
    for section in sections {
        assert!(page.contains(&format!("<section id=\"{section}\">")), "{section}");
    }
    for part in ["<script", "<link", "<img", "src=", "href=\"h", "@import", "url(h"] {
        assert!(!page.contains(part), "{part}");
    }
}

/// With `options`, the stages of `rebuilt` make other folders, and all others are reused.
fn check_rebuilds(sandbox: &Sandbox, options: &[&str], rebuilt: &[Stage]) {
    let before: Vec<_> = STAGES.map(|stage| sandbox.folder(stage)).into();
    for ((stage, run), before) in sandbox.run_all(options).into_iter().zip(before) {
        let moved = sandbox.path(run.folder()).canonicalize().unwrap() != before;
        let expected = rebuilt.contains(&stage);
        assert_eq!((moved, !run.reused()), (expected, expected), "{stage} with {options:?}: {}", run.stderr);
    }
    sandbox.run_all(&[]).values().for_each(|run| assert!(run.reused(), "{}", run.stderr));
}

#[test]
fn a_key_rebuilds_what_depends_on_it() {
    use Stage::{Evaluate, Fetch, Tokenize, Train};
    let sandbox = Sandbox::trained();
    let check = |option: &str, rebuilt: &[Stage]| check_rebuilds(&sandbox, &["--set", option], rebuilt);
    check("fetch.dev_fraction=0.3", &[Fetch, Tokenize, Train, Evaluate]);
    check("tokenize.max_seq_length=16", &[Tokenize, Train, Evaluate]);
    check("train.learning_rate=3e-5", &[Train, Evaluate]);
    check("seed=8", &[Train, Evaluate]);
    check("evaluate.split=dev", &[Evaluate]);
    for free in [
        "name=renamed",
        "fetch.mirror=.",
        "fetch.offline=true",
        "tokenize.workers=1",
        "train.device=auto",
        "train.threads=2",
        "evaluate.device=auto",
    ] {
        check(free, &[]);
    }
    check_rebuilds(&sandbox, &["--log", "json"], &[]);
    check_rebuilds(&sandbox, &["--verify"], &[]);
}

#[test]
fn the_same_config_gives_the_same_bytes() {
    let (one, other) = (Sandbox::new(), Sandbox::new());
    one.run_all(&[]);
    other.run_all(&["--set", "tokenize.workers=1"]);
    for stage in STAGES {
        let (one, other) = (one.folder(stage), other.folder(stage));
        assert_eq!(one.file_name(), other.file_name(), "the fingerprints of {stage}");
        let names = |folder: &Path| -> Vec<_> {
            files_below(folder).iter().map(|file| file.strip_prefix(folder).unwrap().to_owned()).collect()
        };
        assert_eq!(names(&one), names(&other));
        // The manifest also says how long the stage took.
        for name in names(&one).iter().filter(|name| *name != Path::new(MANIFEST)) {
            let same = untimed(&one.join(name)) == untimed(&other.join(name));
            assert!(same, "{stage}'s {} differs", name.display());
        }
    }
}

/// The bytes of a file; of a report without the part that quotes how long earlier stages took.
fn untimed(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap();
    if file.extension().is_none_or(|extension| extension != "html") {
        return bytes;
    }
    let (page, _) = str::from_utf8(&bytes).unwrap().split_once("<section id=\"provenance\">").unwrap();
    page.as_bytes().to_owned()
}

#[test]
fn the_same_folders_give_the_same_report() {
    let sandbox = Sandbox::trained();
    let report = || fs::read(evaluated::report(&sandbox.folder(Stage::Evaluate))).unwrap();
    let first = report();
    sandbox.run(Stage::Evaluate, &["--force"]).folder();
    assert!(first == report());
}

#[test]
fn a_dry_run_builds_nothing() {
    let sandbox = Sandbox::new();
    let promised = sandbox.run(Stage::Fetch, &["--dry-run"]);
    assert!(promised.stderr.contains("would build"), "{}", promised.stderr);
    assert!(!sandbox.path(promised.folder()).exists());
    let built = sandbox.run(Stage::Fetch, &[]);
    assert_eq!(built.folder(), promised.folder());
    let promised = sandbox.run(Stage::Fetch, &["--dry-run"]);
    assert!(promised.stderr.contains("would reuse"), "{}", promised.stderr);
}

#[test]
fn force_builds_the_same_again() {
    let sandbox = Sandbox::new();
    let first = sandbox.run_all(&[]);
    for (stage, again) in sandbox.run_all(&["--force"]) {
        assert!(!again.reused(), "{}", again.stderr);
        assert_eq!(again.folder(), first[&stage].folder());
        let left = files_below(&sandbox.work().stage(stage));
        assert!(left.iter().all(|path| !path.to_string_lossy().contains(".replaced")), "{left:?}");
    }
}

#[test]
fn test_mode_takes_a_few_batches() {
    let sandbox = Sandbox::new();
    let corpus = workspace().join("configs/sample/train.tsv");
    let corpus = format!("fetch.files.train={}", corpus.display());
    sandbox.run_all(&["--set", &corpus, "--set", "test_mode=true"]);
    let metadata = Manifest::read(&sandbox.folder(Stage::Tokenize)).unwrap().metadata;
    let metadata: TokenizeMetadata = serde_json::from_value(metadata).unwrap();
    assert_eq!((metadata.splits[&Split::Train].rows, metadata.splits[&Split::Test].rows), (256, 20));
}
