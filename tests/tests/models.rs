//! Models as others save them, and where one is refused.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use shared::layout::{Stage, hub, trained};
use tests::{Run, Sandbox, files_below, program};

/// Trains the tiny model, puts it into `model/`, and changes its config.json.
fn sandbox_with(edit: impl FnOnce(&mut Map<String, Value>)) -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::trained();
    let (model, trained) = (sandbox.path("model"), trained::model(&sandbox.folder(Stage::Train)));
    fs::create_dir(&model).unwrap();
    for file in files_below(&trained) {
        fs::copy(&file, model.join(file.file_name().unwrap())).unwrap();
    }
    let path = model.join(hub::CONFIG);
    let mut config = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut config);
    fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
    (sandbox, model)
}

fn predict(sandbox: &Sandbox) -> Run {
    let mut predict = sandbox.program(program("predict"));
    predict.args(["--model", "model", "--task", "classification", "좋다"]).output().unwrap().into()
}

/// Every number of this tensor in a safetensors file becomes `value`.
fn fill(path: &Path, tensor: &str, value: f32) {
    let mut bytes = fs::read(path).unwrap();
    let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..data]).unwrap();
    let offset = |end: usize| data + header[tensor]["data_offsets"][end].as_u64().unwrap() as usize;
    for number in bytes[offset(0)..offset(1)].chunks_exact_mut(4) {
        number.copy_from_slice(&value.to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_decoder_is_refused_before_the_corpus_is_read() {
    let (sandbox, _) = sandbox_with(|config| drop(config.insert("is_decoder".to_owned(), json!(true))));
    fs::write(sandbox.path("no-corpus.tsv"), "x\n").unwrap();
    let options = ["--set", "fetch.model=./model", "--set", "fetch.files.train=no-corpus.tsv"];
    sandbox.run(Stage::Fetch, &options).check_refused(3, &["`is_decoder` is true", "a decoder"]);
    predict(&sandbox).check_refused(3, &["`is_decoder` is true"]);
}

#[test]
fn a_weight_that_is_not_finite_is_named_by_every_program() {
    let (sandbox, model) = sandbox_with(|_| {});
    fill(&model.join(hub::WEIGHTS), "classifier.bias", f32::NAN);
    let parts = [hub::WEIGHTS, "classifier.bias holds 2 values that are not finite", "NaN at index 0"];
    predict(&sandbox).check_refused(3, &parts);
    let options = ["--set", "fetch.model=./model", "--set", "train.epochs=0"];
    sandbox.run(Stage::Fetch, &options).folder();
    sandbox.run(Stage::Tokenize, &options).folder();
    let refused = sandbox.run(Stage::Train, &options);
    refused.check_refused(3, &parts);
    assert!(!refused.stderr.contains("learning_rate"), "{}", refused.stderr);
}

#[test]
fn an_output_that_is_not_finite_is_no_answer() {
    let (sandbox, model) = sandbox_with(|_| {});
    // Their mean overflows.
    fill(&model.join(hub::WEIGHTS), "bert.embeddings.word_embeddings.weight", 3e38);
    let refused = predict(&sandbox);
    refused.check_refused(3, &["what the model computes is not finite"]);
    let options = ["--set", "fetch.model=./model", "--set", "train.epochs=0"];
    sandbox.run(Stage::Fetch, &options).folder();
    sandbox.run(Stage::Tokenize, &options).folder();
    let refused = sandbox.run(Stage::Train, &options);
    refused.check_refused(3, &["what the model computes is not finite"]);
    assert!(!refused.stderr.contains("learning_rate"), "{}", refused.stderr);
}

#[test]
fn classes_without_names_are_answered_under_those_of_transformers() {
    let check = |edit: fn(&mut Map<String, Value>), names: [&str; 2]| {
        let (sandbox, _) = sandbox_with(edit);
        let answer = predict(&sandbox);
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        names.iter().for_each(|name| assert!(answer.stdout.contains(name), "{}", answer.stdout));
    };
    let nameless = |config: &mut Map<String, Value>| {
        config.remove("id2label").unwrap();
        config.remove("label2id").unwrap();
    };
    check(nameless, ["LABEL_0", "LABEL_1"]);
    check(|config| drop(config.insert("id2label".into(), json!({"0": 0, "1": 1}))), ["\"0\"", "\"1\""]);
}
