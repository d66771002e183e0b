//! Every task from own files to metrics, with a tiny model.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;

use serde_json::{Value, json};
use shared::layout::{Stage, evaluated, hub, trained};
use shared::schema::{Decoded, Prediction, PredictionReader};
use tests::Sandbox;

const CONFIG: &str = r#"
name = "tiny"
task = "TASK"

[fetch]
model = "scratch"
dev_fraction = 0.2
files = { train = "train.jsonl", test = "test.jsonl" }

[fetch.scratch]
vocab_size = 300
hidden_size = 64
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 128
max_position_embeddings = 32

[tokenize]
max_seq_length = 24

[entity_recognition]
stride = 6

[question_answering]
doc_stride = 4
max_query_length = 8

[train]
epochs = 20
batch_size = 4
learning_rate = 3e-3
device = "cpu"
dropout = 0.0
threads = 1

[evaluate]
device = "cpu"
threads = 1
"#;

const ROWS: usize = 60;
const PLACES: [&str; 4] = ["서울", "부산", "인천", "대전"];
const WORDS: [&str; 5] = ["좋은", "나쁜", "긴", "짧은", "새"];

/// The results of the stages.
struct Outcome {
    metrics: Value,
    predictions: Vec<Prediction>,
    /// The class of `transformers` that loads the model.
    architecture: String,
    /// How words and tokens make entities, as the model's config.json notes it.
    unit: Value,
}

fn run(task: &str, example: impl Fn(usize) -> Value) -> Outcome {
    run_config(&CONFIG.replace("TASK", task), example)
}

/// Runs the stages of `config` on `ROWS` examples of train and as many of test.
fn run_config(config: &str, example: impl Fn(usize) -> Value) -> Outcome {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("tiny.toml"), config).unwrap();
    for (file, first) in [("train.jsonl", 0), ("test.jsonl", 7)] {
        let lines: Vec<String> = (first..first + ROWS).map(|number| example(number).to_string()).collect();
        fs::write(sandbox.path(file), lines.join("\n")).unwrap();
    }
    sandbox.run_all(&[]);
    assert!(sandbox.run_all(&[]).values().all(|run| run.reused()));
    let evaluated = sandbox.folder(Stage::Evaluate);
    let json = |path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let model = json(trained::model(&sandbox.folder(Stage::Train)).join(hub::CONFIG));
    let predictions = PredictionReader::open(&evaluated::predictions(&evaluated)).unwrap();
    Outcome {
        metrics: json(evaluated::metrics(&evaluated)),
        predictions: predictions.flat_map(Result::unwrap).collect(),
        architecture: model["architectures"][0].as_str().unwrap().to_owned(),
        unit: model["entity_recognition"]["unit"].clone(),
    }
}

/// There is a prediction for every example, and each metric is above a bound that a model which has learnt nothing
/// stays below, and at most 1.
fn check(outcome: &Outcome, architecture: &str, metrics: &[(&str, f64)]) {
    assert_eq!(outcome.architecture, architecture);
    assert_eq!((outcome.predictions.len(), outcome.metrics["examples"].as_u64()), (ROWS, Some(ROWS as u64)));
    for &(name, bound) in metrics {
        let value = outcome.metrics[name].as_f64();
        let above = value.is_some_and(|value| value > bound && value <= 1.0);
        assert!(above, "{name} is not above {bound}: {}", outcome.metrics);
    }
    assert!(outcome.metrics["loss"].as_f64().unwrap().is_finite());
}

fn place(number: usize) -> &'static str {
    PLACES[number % PLACES.len()]
}

fn word(number: usize) -> &'static str {
    WORDS[number / 2 % WORDS.len()]
}

#[test]
fn pair_classification() {
    let outcome = run("pair_classification", |number| {
        let (first, second) = (place(number), place(number * number));
        let label = if first == second { "same" } else { "other" };
        json!({ "text": format!("{} {first}", word(number)), "text_pair": second, "label": label })
    });
    check(&outcome, "BertForSequenceClassification", &[("accuracy", 0.8), ("macro_f1", 0.8)]);
    assert_eq!(outcome.metrics["confusion_matrix"].as_array().unwrap().len(), 2);
}

#[test]
fn pair_regression() {
    let outcome = run("pair_regression", |number| {
        let score = 5.0 * (number % PLACES.len()) as f64 / 3.0;
        json!({ "text": format!("{} {}", word(number), place(number)), "text_pair": "서울", "score": score })
    });
    check(
        &outcome,
        "BertForSequenceClassification",
        &[("pearson", 0.8), ("spearman", 0.8), ("f1_at_three", 0.8)],
    );
    let scored = |row: &Prediction| matches!(row.decoded, Decoded::Score { score } if score.is_finite());
    assert!(outcome.predictions.iter().all(scored));
}

#[test]
fn regression() {
    let outcome = run("regression", |number| {
        let score = 1.0 + (number % PLACES.len()) as f64;
        json!({ "text": format!("{} {}", word(number), place(number)), "score": score })
    });
    check(&outcome, "BertForSequenceClassification", &[("pearson", 0.8), ("spearman", 0.8)]);
    assert_eq!(outcome.metrics.get("f1_at_three"), None);
}

#[test]
fn multi_label() {
    let outcome = run("multi_label", |number| {
        let bits = PLACES.iter().enumerate().take(3).filter(|(bit, _)| number >> bit & 1 == 1);
        let labels: Vec<&str> = bits.map(|(_, place)| *place).collect();
        json!({ "text": format!("{} 새", labels.join(" ")), "labels": labels })
    });
    check(
        &outcome,
        "BertForSequenceClassification",
        &[("micro_f1", 0.7), ("macro_f1", 0.7), ("ranking_precision", 0.8), ("threshold", 0.0)],
    );
    let threshold = outcome.metrics["threshold"].as_f64().unwrap() as f32;
    for row in &outcome.predictions {
        let Decoded::LabelSet { labels, probabilities } = &row.decoded else { unreachable!("{row:?}") };
        let reached = probabilities.iter().filter(|&&probability| probability >= threshold).count();
        assert_eq!(labels.len(), reached, "{row:?} at {threshold}");
    }
}

/// A place is the second word; long texts are more than a window.
fn with_a_place(number: usize) -> Value {
    let text = format!("{} {}, 갔다", word(number).repeat(1 + number % 20), place(number));
    let start = text.chars().position(|character| character == ' ').unwrap() + 1;
    json!({ "text": text, "entities": [{ "start": start, "end": start + 2, "label": "LC" }] })
}

const ENTITY_METRICS: [(&str, f64); 4] =
    [("entity_f1", 0.8), ("entity_precision", 0.8), ("entity_recall", 0.8), ("character_f1", 0.8)];

#[test]
fn entity_recognition() {
    let outcome = run("entity_recognition", with_a_place);
    check(&outcome, "BertForTokenClassification", &ENTITY_METRICS);
    assert_eq!(outcome.unit, "token");
}

#[test]
fn entity_recognition_by_words() {
    let config =
        CONFIG.replace("TASK", "entity_recognition").replace("stride = 6", "stride = 6\nunit = \"word\"");
    let spaced = |number| {
        let mut example = with_a_place(number);
        example["text"] = example["text"].as_str().unwrap().replace(',', " ,").into();
        example
    };
    let outcome = run_config(&config, spaced);
    check(&outcome, "BertForTokenClassification", &ENTITY_METRICS);
    assert_eq!(outcome.unit, "word");
}

#[test]
fn question_answering() {
    let outcome = run("question_answering", |number| {
        let context =
            format!("{} {} 옛날이야기 {}", place(number), word(number), "그리고 ".repeat(number % 15));
        let answer = json!({ "text": place(number), "answer_start": 0 });
        json!({ "question": "어디인가?", "context": context, "answers": [answer] })
    });
    check(&outcome, "BertForQuestionAnswering", &[("exact_match", 0.8), ("f1", 0.8)]);
    assert!(
        outcome.metrics["f1"].as_f64().unwrap() > 0.5,
        "the answer always comes first: {}",
        outcome.metrics
    );
    let given = |row: &Prediction| row.decoded.as_answers().is_some_and(|answers| !answers.is_empty());
    assert!(outcome.predictions.iter().all(given));
}
