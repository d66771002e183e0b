//! When a training evaluates, stops and runs out of memory, as its journal and its messages tell.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;
use std::process::Command;

use shared::layout::{Stage, trained};
use tests::{Run, Sandbox, binary};

fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    for stage in [Stage::Fetch, Stage::Tokenize] {
        sandbox.run(stage, &[]).folder();
    }
    sandbox
}

/// `train` with these keys of its section.
fn train(sandbox: &Sandbox, keys: &[&str]) -> Run {
    let keys: Vec<String> = keys.iter().map(|key| format!("train.{key}")).collect();
    let options: Vec<&str> = keys.iter().flat_map(|key| ["--set", key]).collect();
    sandbox.run(Stage::Train, &options)
}

/// The steps of a kind of line in the journal.
fn steps(sandbox: &Sandbox, kind: &str) -> Vec<u64> {
    let text = fs::read_to_string(trained::metrics(&sandbox.folder(Stage::Train))).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line["kind"] == kind).map(|line| line["step"].as_u64().unwrap()).collect()
}

/// Six steps an epoch.
fn check_evaluations(keys: &[&str], expect: &[u64]) {
    let sandbox = prepared();
    train(&sandbox, keys).folder();
    assert_eq!(steps(&sandbox, "dev"), expect, "{keys:?}");
}

#[test]
fn dev_is_evaluated_as_the_config_says() {
    check_evaluations(&["epochs=2"], &[6, 12]);
    check_evaluations(&["epochs=2", "evaluations_per_epoch=2"], &[3, 6, 9, 12]);
    check_evaluations(&["epochs=1", "evaluations_per_epoch=4"], &[2, 3, 5, 6]);
    check_evaluations(&["epochs=2", "evaluate_every_steps=5"], &[5, 10, 12]);
    check_evaluations(&["max_steps=8"], &[6, 8]);
    check_evaluations(&["epochs=0", "max_steps=2"], &[2]);
}

#[test]
fn a_model_that_gets_no_better_is_trained_no_further() {
    let sandbox = prepared();
    // Nothing moves, so no evaluation is better than the first.
    let still = ["learning_rate=1e-30", "weight_decay=0", "epochs=9", "early_stopping_patience=2"];
    train(&sandbox, &still).folder();
    assert_eq!(steps(&sandbox, "dev"), [6, 12, 18]);
}

#[test]
fn a_key_that_does_not_fit_the_corpus_is_named() {
    let sandbox = prepared();
    train(&sandbox, &["class_weights=[1.0, 2.0, 3.0]"])
        .check_refused(2, &["`train.class_weights`", "`negative`, `positive`"]);
    train(&sandbox, &["freeze={embeddings = true, layers = 2}"])
        .check_refused(2, &["`train.freeze.layers` is 2", "the model has 1"]);
    train(&sandbox, &["evaluations_per_epoch=2", "evaluate_every_steps=2"])
        .check_refused(2, &["`train.evaluations_per_epoch`", "leave one out"]);
}

#[test]
fn the_summary_counts_and_trains_nothing() {
    let sandbox = prepared();
    let run = sandbox.run(Stage::Train, &["--summary", "--set", "train.freeze.layers=1"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in ["bert.encoder.layer.0", "classifier", "12578", "memory of a step"] {
        assert!(run.stdout.contains(part), "`{}` lacks `{part}`", run.stdout);
    }
    assert!(!sandbox.work().run_link("tiny", Stage::Train).exists());
}

/// The address space grows by little until a training ends well, so by then a whole batch has not found room yet.
#[test]
fn a_batch_that_memory_cannot_hold_is_taken_in_parts() {
    let sandbox = Sandbox::new();
    let keys = ["fetch.scratch.intermediate_size=262144", "train.batch_size=48", "train.max_steps=1"];
    let options: Vec<&str> = keys.iter().flat_map(|key| ["--set", key]).collect();
    for stage in [Stage::Fetch, Stage::Tokenize] {
        sandbox.run(stage, &options).folder();
    }
    let limited = |megabytes: u64| -> Run {
        let mut shell: Command = sandbox.program("sh");
        let script = format!("ulimit -v {}; exec \"$0\" \"$@\"", megabytes << 10);
        shell.args(["-c", &script]).arg(binary(Stage::Train)).args(["--config", "tiny.toml"]).args(&options);
        Run::from(shell.output().unwrap())
    };
    let (mut refused, mut ended) = (false, None);
    for run in (400..20_000).step_by(50).map(limited) {
        assert_ne!(run.code, Some(1), "{}", run.stderr);
        refused |= run.code == Some(2) && run.stderr.contains("memory is exhausted, even by one example");
        ended = (run.code == Some(0)).then_some(run.stderr);
        if ended.is_some() {
            break;
        }
    }
    let Some(said) = ended else {
        return eprintln!("skipped: this libtorch fills more than 20 GB of addresses");
    };
    assert!(said.contains("is summed over parts of"), "{said}");
    assert!(refused, "nothing was ever too small for one example");
}
