//! `predict` on what the stages have made.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use shared::layout::{Split, Stage, evaluated, fetched, trained};
use shared::schema::{Decoded, ExampleReader, Prediction, PredictionReader};
use tests::{Run, Sandbox, program};

fn predict(sandbox: &Sandbox, options: &[&str]) -> Command {
    let mut command = sandbox.program(program("predict"));
    command.args(["--config", "tiny.toml"]).args(options);
    command
}

fn run(mut command: Command, input: &str) -> Run {
    let piped = || Stdio::piped();
    let mut child = command.stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // One that refuses its options reads nothing.
    let feed = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let run = child.wait_with_output().unwrap().into();
    feed.join().unwrap();
    run
}

/// An object a line.
fn answers(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn without_ids(answers: Vec<Value>) -> Vec<Value> {
    let without = |mut answer: Value| {
        answer.as_object_mut().unwrap().remove("example_id").unwrap();
        answer
    };
    answers.into_iter().map(without).collect()
}

#[test]
fn whatever_the_format_the_answers_are_those_of_evaluate() {
    let sandbox = Sandbox::trained();
    let examples = fetched::examples(&sandbox.folder(Stage::Fetch), Split::Test);
    let texts: Vec<String> =
        ExampleReader::open(&examples).unwrap().flat_map(Result::unwrap).map(|row| row.text).collect();
    let lines = texts.join("\n");
    let found = answers(&run(predict(&sandbox, &[]), &lines));
    check_class_answers(&sandbox, &found);

    let objects: String = texts.iter().map(|text| format!("{}\n", json!({ "text": text }))).collect();
    let jsonl = answers(&run(predict(&sandbox, &["--format", "jsonl"]), &objects));
    assert_eq!(jsonl[2]["example_id"], "3");
    assert_eq!(without_ids(jsonl), found);
    let tsv = answers(&run(predict(&sandbox, &["--input", "test.tsv"]), ""));
    assert_eq!(without_ids(tsv), found);
    let parquet = answers(&run(predict(&sandbox, &["--input", examples.to_str().unwrap()]), ""));
    assert_eq!(parquet[19]["example_id"], "test-20");
    assert_eq!(without_ids(parquet), found);
    let arguments: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(answers(&run(predict(&sandbox, &arguments), "")).len(), found.len());

    let model = trained::model(&sandbox.folder(Stage::Train));
    let mut alone = sandbox.program(program("predict"));
    alone.arg("--model").arg(&model).args(["--task", "classification"]);
    assert_eq!(answers(&run(alone, &lines)), found);
    assert_eq!(answers(&run(predict(&sandbox, &[]), "")), Vec::<Value>::new());
}

/// By labels, and by probabilities but for the rounding of other batches.
fn check_class_answers(sandbox: &Sandbox, found: &[Value]) {
    let expect = read(&evaluated::predictions(&sandbox.folder(Stage::Evaluate)));
    assert_eq!(found.len(), expect.len());
    for (found, Prediction { decoded, .. }) in found.iter().zip(&expect) {
        let Decoded::Class { predicted, probabilities } = decoded else { unreachable!("{decoded:?}") };
        assert_eq!(found["label"], *predicted);
        for (label, &probability) in ["negative", "positive"].iter().zip(probabilities) {
            let near =
                (found["probabilities"][label].as_f64().unwrap() - f64::from(probability)).abs() < 1e-5;
            assert!(near, "{found} for {decoded:?}");
        }
    }
}

fn read(path: &std::path::Path) -> Vec<Prediction> {
    PredictionReader::open(path).unwrap().flat_map(Result::unwrap).collect()
}

#[test]
fn answers_go_to_files_too() {
    let sandbox = Sandbox::trained();
    let printed = run(predict(&sandbox, &["--input", "test.tsv"]), "");
    let lines = run(predict(&sandbox, &["--input", "test.tsv", "--output", "a.jsonl"]), "");
    assert_eq!((lines.code, lines.stdout.as_str()), (Some(0), ""), "{}", lines.stderr);
    assert_eq!(fs::read_to_string(sandbox.path("a.jsonl")).unwrap(), printed.stdout);
    run(predict(&sandbox, &["--input", "test.tsv", "--output", "a.parquet"]), "");
    let rows = read(&sandbox.path("a.parquet"));
    let evaluated = read(&evaluated::predictions(&sandbox.folder(Stage::Evaluate)));
    assert_eq!(rows.len(), evaluated.len());
    for (row, expect) in rows.iter().zip(&evaluated) {
        assert_eq!(row.logits.len(), 2, "{row:?}");
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
        assert!(row.logits.iter().zip(&expect.logits).all(near), "{row:?} for {expect:?}");
    }
}

/// More than is read before the first answer is written.
#[test]
fn answers_may_replace_their_input() {
    let sandbox = Sandbox::trained();
    let count = 6000;
    fs::write(sandbox.path("a.txt"), "좋다 아주 좋다\n".repeat(count)).unwrap();
    assert!(fs::metadata(sandbox.path("a.txt")).unwrap().len() > 1 << 16);
    let replaced = run(predict(&sandbox, &["--input", "a.txt", "--output", "a.txt"]), "");
    assert_eq!(replaced.code, Some(0), "{}", replaced.stderr);
    let lines = fs::read_to_string(sandbox.path("a.txt")).unwrap();
    assert_eq!(lines.lines().filter(|line| line.starts_with("{\"label\"")).count(), count);
}

/// Many more lines than a pipe holds, of which one is read.
#[test]
fn a_reader_that_stops_is_no_error() {
    let sandbox = Sandbox::trained();
    fs::write(sandbox.path("many.txt"), "좋다\n".repeat(20_000)).unwrap();
    let script = "\"$0\" \"$@\" | head -n 1; exit ${PIPESTATUS[0]}";
    let mut shell = sandbox.program("bash");
    shell.args(["-c", script]).arg(program("predict"));
    shell.args(["--config", "tiny.toml", "--input", "many.txt"]);
    assert_eq!(answers(&run(shell, "")).len(), 1);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let sandbox = Sandbox::trained();
    let check = |options: &[&str], input: &str, code, parts: &[&str]| {
        run(predict(&sandbox, options), input).check_refused(code, parts);
    };
    check(&["--input", "none.tsv"], "", 3, &["none.tsv"]);
    check(&["--format", "parquet"], "", 2, &["standard input", "as a file"]);
    check(&["--format", "tsv"], "body\n가\n", 3, &["standard input", "`text`", "body"]);
    check(&["--format", "jsonl"], "{\"text\": 7.5}\n", 3, &["line 1", "`text` is not a string"]);
    check(&["--input", "tiny.toml"], "", 2, &["tiny.toml", "--format"]);
    check(&["--output", "none/a.jsonl"], "가\n", 2, &["none/a.jsonl", "no such folder"]);
    check(&["--set", "train.epochs=2"], "가\n", 3, &["predict needs the result of train", "run `"]);
    let model = trained::model(&sandbox.folder(Stage::Train));
    for task in ["entity_recognition", "multi_label", "pair_regression"] {
        let mut other = sandbox.program(program("predict"));
        other.arg("--model").arg(&model).args(["--task", task, "가"]);
        run(other, "").check_refused(2, &["has no head for", task, "`--task` has to name"]);
    }
}

#[test]
fn either_a_run_or_a_model_is_named() {
    let sandbox = Sandbox::new();
    let check = |options: &[&str], parts: &[&str]| {
        let mut command = sandbox.program(program("predict"));
        command.args(options);
        let run = run(command, "");
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        parts.iter().for_each(|part| assert!(run.stderr.contains(part), "{} lacks {part}", run.stderr));
    };
    check(&[], &["<--config <FILE>|--model <DIR>>"]);
    check(&["--task", "classification"], &["--model <DIR>"]);
    check(&["--model", "a", "--config", "b"], &["cannot be used with"]);
    check(
        &["--model", "a", "--task", "masked_lm", "--set", "seed=1"],
        &["cannot be used with", "Usage: predict"],
    );
}

/// Compressed, through a pipe, and with what was read before a bad line.
#[test]
fn texts_come_from_files_and_pipes() {
    let sandbox = Sandbox::trained();
    let script = "gzip -k test.tsv && \"$0\" --config tiny.toml --format tsv --input <(cat test.tsv.gz)";
    let mut shell = sandbox.program("bash");
    shell.args(["-c", script]).arg(program("predict"));
    let piped = answers(&run(shell, ""));
    assert_eq!(answers(&run(predict(&sandbox, &["--input", "test.tsv.gz"]), "")), piped);
    assert_eq!(answers(&run(predict(&sandbox, &["--input", "test.tsv"]), "")), piped);

    let torn = "{\"text\": \"가\"}\n".repeat(100) + "[]\n";
    let torn = run(predict(&sandbox, &["--format", "jsonl"]), &torn);
    assert_eq!((torn.code, torn.stdout.lines().count()), (Some(3), 100), "{}", torn.stderr);
    assert!(torn.stderr.contains("line 101"), "{}", torn.stderr);
}

/// Trains `task` on forty examples, and asks about `asked`.
fn answer(task: &str, example: impl Fn(usize) -> Value, asked: &Value) -> Value {
    let sandbox = Sandbox::trained_for(task, &(0..40).map(example).collect::<Vec<_>>());
    let asked = format!("{asked}\n");
    let written = run(predict(&sandbox, &["--format", "jsonl", "--output", "a.parquet"]), &asked);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    assert_eq!(read(&sandbox.path("a.parquet")).len(), 1);
    without_ids(answers(&run(predict(&sandbox, &["--format", "jsonl"]), &asked))).remove(0)
}

fn place(number: usize) -> &'static str {
    ["서울", "부산", "인천", "대전"][number % 4]
}

#[test]
fn two_texts_have_a_label_or_a_score() {
    let asked = json!({ "text": "서울", "text_pair": "부산" });
    let pair = |number: usize, key: &str, truth: Value| json!({ "text": place(number), "text_pair": place(number / 2), key: truth });
    let found = answer("pair_classification", |number| pair(number, "label", json!(place(number))), &asked);
    assert_eq!(found["probabilities"].as_object().unwrap().len(), 4, "{found}");
    let found = answer("pair_regression", |number| pair(number, "score", json!(number % 4)), &asked);
    assert!(found["score"].as_f64().unwrap().is_finite(), "{found}");
}

#[test]
fn labels_hold_by_the_threshold_of_the_training() {
    let example = |number| json!({ "text": place(number), "labels": if number % 4 == 0 { vec!["수도"] } else { vec![] } });
    let found = answer("multi_label", example, &json!({ "text": "서울" }));
    assert_eq!(found["labels"], json!(["수도"]), "{found}");
    assert!(found["probabilities"]["수도"].as_f64().unwrap() > 0.0, "{found}");
}

/// The text is several windows long.
#[test]
fn entities_are_parts_of_the_text() {
    let example = |number| {
        let text = format!("{} {}에 갔다", "나는 ".repeat(number % 9), place(number));
        let start = text.chars().count() - 6;
        json!({ "text": text, "entities": [{ "start": start, "end": start + 2, "label": "LC" }] })
    };
    let text = format!("{} 서울에 갔다", "나는 ".repeat(30));
    let found = answer("entity_recognition", example, &json!({ "text": text }));
    let characters: Vec<char> = text.chars().collect();
    for entity in found["entities"].as_array().unwrap() {
        let place = |key: &str| usize::try_from(entity[key].as_u64().unwrap()).unwrap();
        let part: String = characters[place("start")..place("end")].iter().collect();
        assert_eq!(entity["text"], part, "{found}");
        assert_eq!(entity["label"], "LC");
    }
}

#[test]
fn answers_are_parts_of_the_context_the_best_first() {
    let context = |number| format!("{} 옛날이야기 {}", place(number), "그리고 ".repeat(number % 15));
    let example = |number| {
        let answer = json!({ "text": place(number), "answer_start": 0 });
        json!({ "question": "어디인가?", "context": context(number), "answers": [answer] })
    };
    let asked = json!({ "question": "어디인가?", "context": context(14) });
    let found = answer("question_answering", example, &asked);
    let answers = found["answers"].as_array().unwrap();
    let probability = |answer: &Value| answer["probability"].as_f64().unwrap();
    assert!(answers.is_sorted_by(|a, b| probability(a) >= probability(b)), "{found}");
    let place = |key: &str| usize::try_from(answers[0][key].as_u64().unwrap()).unwrap();
    let part: String = context(14).chars().skip(place("start")).take(place("end") - place("start")).collect();
    assert_eq!(answers[0]["text"], part);
}

#[test]
fn masks_in_the_text_are_filled() {
    let example = |number| json!({ "text": format!("나는 {}에 갔다", place(number)) });
    let found = answer("masked_lm", example, &json!({ "text": "나는 [MASK] 갔다 [MASK]" }));
    let masks = found["masks"].as_array().unwrap();
    let places: Vec<_> = masks.iter().map(|mask| (mask["start"].as_u64(), mask["end"].as_u64())).collect();
    assert_eq!(places, [(Some(3), Some(9)), (Some(13), Some(19))], "{found}");
    for mask in masks {
        let candidates = mask["candidates"].as_array().unwrap();
        let probability = |candidate: &Value| candidate["probability"].as_f64().unwrap();
        assert!(candidates.len() == 5 && candidates.iter().all(|c| c["token"].is_string()), "{found}");
        assert!(candidates.is_sorted_by(|a, b| probability(a) >= probability(b)), "{found}");
    }
    assert_eq!(answer("masked_lm", example, &json!({ "text": "" }))["masks"], json!([]));
}
