use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::layout::Stage;
use shared::manifest::{Manifest, Provenance as Process};
use shared::metadata::{FetchMetadata, SplitMetadata, TrainMetadata};
use shared::metric::Metric;

use super::*;
use crate::fixture::{Fixture, MARKUP};

fn manifest(stage: Stage) -> Manifest {
    Manifest {
        format_version: 2,
        stage,
        fingerprint: "0123456789abcdef".into(),
        config: json!({ "key": "<value>" }),
        inputs: BTreeMap::new(),
        metadata: Value::Null,
        provenance: Process {
            version: "0.1.0".into(),
            wall_seconds: 83.0,
            peak_memory_bytes: Some(300 << 20),
        },
        files: BTreeMap::new(),
        digest: String::new(),
    }
}

fn training_log() -> Vec<LogEntry> {
    let train = |step| LogEntry::Train {
        step,
        epoch: 0.5,
        loss: 1.0 / step as f64,
        accuracy: Some(0.5),
        gradient_norm: 1.0,
        learning_rate: 5e-5,
    };
    let metrics = [(Metric::Loss, 0.5), (Metric::Accuracy, 0.75)].into();
    vec![train(1), train(2), LogEntry::Dev { step: 2, epoch: 1.0, metrics }]
}

fn fetch_metadata() -> FetchMetadata {
    FetchMetadata {
        corpus: "made <up>".into(),
        licence: "CC0".into(),
        labels: Vec::new(),
        examples: BTreeMap::new(),
        model: "scratch".into(),
        weights: shared::config::Weights::Random,
        sources: vec![shared::metadata::Source {
            location: "https://example.org/a.txt".into(),
            bytes: 1,
            sha256: "00".into(),
        }],
    }
}

fn page(task: Task) -> String {
    let fixture = Fixture::of(task);
    let training =
        TrainMetadata { steps: 2, best_step: 2, best_dev: [(Metric::Loss, 0.5)].into(), parameters: 1000 };
    let manifests = [Stage::Fetch, Stage::Tokenize, Stage::Train].map(manifest);
    let tokenized = SplitMetadata {
        rows: 1,
        shards: 1,
        length_histogram: Vec::new(),
        truncation_rate: 0.125,
        unk_rate: 0.0,
    };
    let provenance = Provenance {
        fetched: &fetch_metadata(),
        tokenized: Some(tokenized),
        training: &training,
        manifests: manifests.iter().collect(),
        section: json!({ "split": "test" }),
        device: "cpu",
    };
    let input = ReportInput {
        name: "a <run>",
        task,
        split: Split::Test,
        seed: 7,
        params: &fixture.params,
        predictions: &fixture.predictions,
        scores: &fixture.scores,
        training_log: &training_log(),
        provenance: &provenance,
    };
    html(&input, fixture.examples.into_iter().map(Ok)).unwrap()
}

fn check_sections(task: Task, own: &[&str]) {
    let page = page(task);
    let ids = page.split("<section id=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let common_before = ["figures", "training"];
    let common_after = ["errors", "provenance"];
    let expect: Vec<&str> = [&common_before, own, &common_after].concat();
    assert_eq!(ids.collect::<Vec<_>>(), expect, "{task:?}");
}

#[test]
fn every_task_has_its_sections() {
    let classes = ["labels", "confusion", "ranking", "calibration", "lengths"];
    check_sections(Task::Classification, &classes);
    check_sections(Task::PairClassification, &classes);
    check_sections(Task::Regression, &["scores", "lengths"]);
    check_sections(Task::PairRegression, &["scores", "lengths"]);
    check_sections(Task::MultiLabel, &["labels", "ranking", "lengths"]);
    check_sections(Task::EntityRecognition, &["labels", "lengths"]);
    check_sections(Task::QuestionAnswering, &["lengths"]);
    check_sections(Task::MaskedLm, &[]);
}

#[test]
fn the_page_has_every_metric() {
    for task in Task::ALL {
        let (page, fixture) = (page(task), Fixture::of(task));
        for (metric, value) in fixture.scores.metric_values.iter() {
            let title = maud::html! { (metric.title()) }.into_string();
            assert!(page.contains(&title) && page.contains(&format!("{value:.4}")), "{metric:?} of {task:?}");
        }
    }
}

/// Markup that a browser would fetch or run.
const ACTIVE: [&str; 12] = [
    "<script", "<link", "<img", "<iframe", "<object", "<embed", "src=", "href=\"h", "@import", "url(h",
    "onload=", "xlink",
];

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    for task in Task::ALL {
        let page = page(task);
        for part in ACTIVE {
            assert!(!page.contains(part), "the page of {task:?} holds {part}");
        }
        assert!(page.contains("default-src 'none'"));
        let outside = page.replace("https://example.org/a.txt", "");
        assert!(!outside.contains("http:") && !outside.contains("https:"), "{task:?}");
    }
}

#[test]
fn markup_in_user_texts_is_escaped() {
    let escaped = maud::html! { (MARKUP) }.into_string();
    for task in Task::ALL {
        let page = page(task);
        assert!(page.contains(&escaped), "the page of {task:?} lacks the text");
        assert!(
            !page.contains("<b>굵게") && !page.contains("a <run>") && !page.contains("made <up>"),
            "{task:?}"
        );
    }
    assert!(page(Task::Classification).contains("&lt;positive&gt;"));
}

#[test]
fn the_page_follows_the_readers_colour_scheme() {
    let page = page(Task::Classification);
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"));
}

#[test]
fn the_same_inputs_give_the_same_page() {
    for task in Task::ALL {
        assert!(page(task) == page(task), "{task:?}");
    }
}

#[test]
fn provenance_names_corpus_model_and_manifests() {
    let page = page(Task::Classification);
    for part in [
        "CC0",
        "scratch",
        "1 min 23 s",
        "300 MiB",
        "0123456789abcdef",
        "12.50 %",
        "https://example.org/a.txt",
    ] {
        assert!(page.contains(part), "{part}");
    }
}
