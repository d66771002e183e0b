//! Bad input of every kind: the exit code, and a sentence that says where and what to do.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;
use std::path::{Path, PathBuf};

use shared::layout::{Stage, fetched, hub, trained};
use shared::schema::{Example, ExampleWriter, Truth};
use shared::task::Task;
use tests::{STAGES, Sandbox};

/// Fetch with `name` replaced by `bytes`.
fn check_file(name: &str, bytes: &[u8], code: i32, parts: &[&str]) {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path(name), bytes).unwrap();
    sandbox.run(Stage::Fetch, &[]).check_refused(code, parts);
}

#[test]
fn bad_rows_are_named_by_file_and_line() {
    let check = |bytes: &[u8], parts: &[&str]| check_file("test.tsv", bytes, 3, parts);
    let header = "id\ttext\tlabel\n";
    let rows = |rows: &str| format!("{header}{rows}").into_bytes();
    check(
        &rows("1\t좋아요\tpositive\n2\t글쎄요\tneutral\n"),
        &["test.tsv, line 3", "`neutral`", "`positive`"],
    );
    check(&rows("1\t좋아요\tpositive\n2\t글쎄요\n"), &["test.tsv, line 3", "`label` is missing"]);
    check(&rows("1\t좋아요\tpositive\n1\t글쎄요\tnegative\n"), &["test.tsv, line 3", "`1`", "twice"]);
    check(&[header.as_bytes(), b"1\t\xc1\xc1\tpositive\n"].concat(), &["test.tsv, line 2", "UTF-8"]);
    check(b"id\tdocument\tlabel\n", &["test.tsv", "`text`", "`document`", "fetch.files.columns"]);
    check(&rows(""), &["test.tsv", "empty corpus"]);
    check(b"", &["test.tsv is empty"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    fs::remove_file(sandbox.path("train.tsv")).unwrap();
    sandbox.run(Stage::Fetch, &[]).check_refused(3, &["fetch.files.train", "train.tsv"]);
}

#[test]
fn a_truncated_parquet_file_is_named() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("train.parquet");
    let row = |number: usize| Example {
        example_id: number.to_string(),
        text: format!("{number}번째 글"),
        text_pair: None,
        truth: Truth::Label(if number.is_multiple_of(2) { "negative" } else { "positive" }.to_owned()),
    };
    let mut writer = ExampleWriter::create(&path, Task::Classification.shape()).unwrap();
    writer.write(&(0..100).map(row).collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
    let options = ["--set", "fetch.files.train=train.parquet", "--set", "fetch.files.columns.id=example_id"];
    let options = [&options[..], &["--set", "fetch.files.dev=train.parquet"]].concat();
    sandbox.run(Stage::Fetch, &options).check_refused(3, &["train.parquet, row 1", "twice"]);
    truncate(&path);
    sandbox.run(Stage::Fetch, &options).check_refused(3, &["train.parquet", "Parquet"]);
}

fn truncate(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn wrong_configs_are_refused_by_key() {
    let sandbox = Sandbox::new();
    let check = |stage, option: &str, code, parts: &[&str]| {
        sandbox.run(stage, &["--set", option]).check_refused(code, parts);
    };
    check(Stage::Fetch, "train.learnig_rate=1", 2, &["`learnig_rate`", "did you mean `learning_rate`"]);
    check(Stage::Fetch, "fetch.corpus=nmsc", 2, &["`nmsc`", "did you mean `nsmc`", "fetch.corpus"]);
    check(Stage::Fetch, "fetch.corpus=nsmc", 2, &["`fetch.corpus`", "`fetch.files`", "not both"]);
    sandbox.run(Stage::Fetch, &[]).folder();
    let beyond = ["tokenize.max_seq_length", "64", "max_position_embeddings", "32 or less"];
    check(Stage::Tokenize, "tokenize.max_seq_length=64", 2, &beyond);
    sandbox.run_all(&[]);
    let no_gpu = ["device = \"cuda:7\"", "`cpu`"];
    sandbox.run(Stage::Train, &["--force", "--set", "train.device=cuda:7"]).check_refused(2, &no_gpu);
    sandbox.run(Stage::Evaluate, &["--force", "--set", "evaluate.device=cuda:7"]).check_refused(2, &no_gpu);
    let missing = sandbox.command(Stage::Fetch, &[]).args(["--config", "absent.toml"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_model_that_is_nowhere_is_named() {
    let sandbox = Sandbox::new();
    let check = |model: &str, parts: &[&str]| {
        let model = format!("fetch.model={model}");
        sandbox.run(Stage::Fetch, &["--set", &model, "--set", "fetch.offline=true"]).check_refused(3, parts);
    };
    check("nobody/nothing", &["`fetch.offline`", "nobody/nothing", hub::CONFIG]);
    check("./nowhere", &["`fetch.model`", "./nowhere"]);
    fs::create_dir(sandbox.path("empty")).unwrap();
    check("./empty", &["the model `empty` has no config.json"]);
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut edited = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from.as_bytes()) {
        edited.extend([&rest[..at], to.as_bytes()].concat());
        rest = &rest[at + from.len()..];
    }
    [edited, rest.to_vec()].concat()
}

/// Trains the tiny model, and puts it into `model/`.
fn sandbox_with_a_model() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::trained();
    let (model, trained) = (sandbox.path("model"), trained::model(&sandbox.folder(Stage::Train)));
    fs::create_dir(&model).unwrap();
    for file in tests::files_below(&trained) {
        fs::copy(&file, model.join(file.file_name().unwrap())).unwrap();
    }
    (sandbox, model)
}

#[test]
fn a_model_that_is_no_classifier_of_the_corpus_is_refused_where_it_is_not_trained() {
    let (sandbox, model) = sandbox_with_a_model();
    let options = |epochs| ["--set", "fetch.model=./model", "--set", epochs];
    let prepare = || {
        sandbox.run(Stage::Fetch, &options("train.epochs=0")).folder();
        sandbox.run(Stage::Tokenize, &options("train.epochs=0")).folder();
    };
    sandbox.run_all(&options("train.epochs=0"));
    let edit = |name: &str, from: &str, to: &str| {
        let bytes = fs::read(model.join(name)).unwrap();
        let edited = replaced(&bytes, from, to);
        assert_ne!(bytes, edited);
        fs::write(model.join(name), edited).unwrap();
    };
    edit(hub::CONFIG, "positive", "sarcastic");
    prepare();
    let foreign =
        ["another task's", "`negative`, `sarcastic`", "`negative`, `positive`", "`train.epochs` above 0"];
    sandbox.run(Stage::Train, &options("train.epochs=0")).check_refused(3, &foreign);
    let trained = sandbox.run(Stage::Train, &options("train.epochs=1"));
    assert!(trained.stderr.contains("left aside, for it is another task's"), "{}", trained.stderr);
    trained.folder();
    // A pretraining head in its place.
    edit(hub::WEIGHTS, "\"classifier.", "\"cls.seq_re.");
    prepare();
    let headless = ["no classification head", "`train.epochs` above 0"];
    sandbox.run(Stage::Train, &options("train.epochs=0")).check_refused(3, &headless);
}

#[test]
fn truncated_weights_are_named() {
    let (sandbox, model) = sandbox_with_a_model();
    let options = ["--set", "fetch.model=./model"];
    sandbox.run_all(&options);
    truncate(&model.join(hub::WEIGHTS));
    sandbox.run(Stage::Fetch, &options).check_refused(3, &[hub::WEIGHTS, "bytes where its header says"]);
    fs::remove_file(model.join(hub::WEIGHTS)).unwrap();
    sandbox
        .run(Stage::Fetch, &options)
        .check_refused(3, &["the model `model` has no weights", "fetch.weights"]);
}

#[test]
fn a_stage_whose_input_is_missing_names_the_command() {
    let sandbox = Sandbox::new();
    let options = ["--set", "seed=8"];
    let check = |stage, missing: &str| {
        let command = format!("/{missing} --config tiny.toml --set 'seed=8'` first");
        sandbox.run(stage, &options).check_refused(3, &[&command]);
    };
    [Stage::Tokenize, Stage::Train, Stage::Evaluate].iter().for_each(|stage| check(*stage, "fetch"));
    sandbox.run(Stage::Fetch, &options).folder();
    [Stage::Train, Stage::Evaluate].iter().for_each(|stage| check(*stage, "tokenize"));
    sandbox.run(Stage::Tokenize, &options).folder();
    check(Stage::Evaluate, "train");
}

/// One changed byte in any file is found by its own stage and by every stage that reads the folder.
#[test]
fn an_edited_byte_is_found() {
    let sandbox = Sandbox::trained();
    for stage in STAGES {
        let files = tests::files_below(&sandbox.folder(stage));
        assert!(files.len() >= 3, "{files:?}");
        for file in files {
            let whole = fs::read(&file).unwrap();
            let mut edited = whole.clone();
            edited[whole.len() / 2] ^= 1;
            fs::write(&file, edited).unwrap();
            let name = file.file_name().unwrap().to_string_lossy();
            for reader in
                STAGES.into_iter().filter(|reader| *reader == stage || reader.inputs().contains(&stage))
            {
                sandbox.run(reader, &[]).check_refused(3, &[&name, "run its stage again with --force"]);
            }
            fs::write(&file, whole).unwrap();
        }
    }
    sandbox.run_all(&[]).values().for_each(|run| assert!(run.reused(), "{}", run.stderr));
    let vocabulary = fetched::model(&sandbox.folder(Stage::Fetch)).join(hub::VOCAB);
    fs::write(&vocabulary, "").unwrap();
    sandbox.run(Stage::Fetch, &["--force"]).folder();
    sandbox.run_all(&[]).values().for_each(|run| assert!(run.reused(), "{}", run.stderr));
}

#[test]
fn a_work_folder_that_cannot_be_is_named() {
    let sandbox = Sandbox::new();
    for stage in STAGES {
        let run = sandbox.run(stage, &["--work", "train.tsv/work"]);
        run.check_refused(2, &["the work folder train.tsv/work", "--work"]);
    }
}

#[test]
fn json_errors_have_code_and_message() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(Stage::Tokenize, &["--log", "json"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""));
    let error: serde_json::Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&error["level"], &error["code"], &error["stage"]),
        (&"error".into(), &3.into(), &"tokenize".into())
    );
    assert!(error["message"].as_str().unwrap().contains("/fetch --config tiny.toml` first"), "{error}");
}
