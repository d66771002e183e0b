//! Pretraining on plain text, and what takes its model up.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use shared::layout::{MANIFEST, Stage, evaluated, trained};
use shared::schema::{Decoded, PredictionReader};
use tests::{Run, STAGES, Sandbox, binary, files_below};

const CONFIG: &str = "pretrained.toml";
const NAME: &str = "pretrained";

/// A run on the texts of the fixtures: long enough to be stopped, with dropout, and with batches in parts.
fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    let train = fs::read_to_string(sandbox.path("train.tsv")).unwrap();
    let texts = train.lines().skip(1).filter_map(|row| row.split('\t').nth(1));
    fs::write(sandbox.path("texts.txt"), texts.map(|text| format!("{text}\n")).collect::<String>()).unwrap();
    let tiny = fs::read_to_string(sandbox.path("tiny.toml")).unwrap();
    let files = "[fetch.files]\ntrain = \"texts.txt\"\n\n[fetch.scratch]";
    let (before, after) = (tiny.find("[fetch.files]").unwrap(), tiny.find("[fetch.scratch]").unwrap());
    let config = format!("{}{files}{}", &tiny[..before], &tiny[after + "[fetch.scratch]".len()..])
        .replace("name = \"tiny\"", &format!("name = \"{NAME}\"\ntask = \"masked_lm\""))
        .replace("epochs = 1", "epochs = 40\nmicro_batch_size = 3")
        .replace("learning_rate = 1e-3", "learning_rate = 1e-2")
        .replace("[evaluate]", "[masked_lm]\nunit = \"word\"\n\n[evaluate]\nsplit = \"dev\"");
    fs::write(sandbox.path(CONFIG), config).unwrap();
    sandbox
}

fn command(sandbox: &Sandbox, stage: Stage) -> Command {
    let mut command = sandbox.program(binary(stage));
    command.args(["--config", CONFIG]);
    command
}

fn run(sandbox: &Sandbox, stages: &[Stage]) {
    for &stage in stages {
        Run::from(command(sandbox, stage).output().unwrap()).folder();
    }
}

fn folder(sandbox: &Sandbox, stage: Stage) -> PathBuf {
    sandbox.work().run_link(NAME, stage).canonicalize().unwrap()
}

/// Every file of the training but the manifest, which tells the time.
fn result(sandbox: &Sandbox) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = folder(sandbox, Stage::Train);
    let files = files_below(&folder).into_iter().filter(|file| !file.ends_with(MANIFEST));
    files.map(|file| (file.strip_prefix(&folder).unwrap().to_owned(), fs::read(&file).unwrap())).collect()
}

/// By key of `metrics.jsonl`, of the first line that has it and of the last one.
fn first_and_last(lines: &str, kind: &str, key: &str) -> (f64, f64) {
    let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let values: Vec<f64> =
        lines.filter(|line| line["kind"] == kind).map(|line| line[key].as_f64().unwrap()).collect();
    (values[0], values[values.len() - 1])
}

#[test]
fn plain_text_makes_a_model_that_another_task_takes_up() {
    let sandbox = prepared();
    run(&sandbox, &STAGES);
    let training_log = fs::read_to_string(trained::metrics(&folder(&sandbox, Stage::Train))).unwrap();
    let (first, last) = first_and_last(&training_log, "train", "loss");
    assert!(last < first - 0.5, "the loss went from {first} to {last}");
    check_evaluation(&folder(&sandbox, Stage::Evaluate));

    let from_run = ["--set", "fetch.model=run:pretrained", "--set", "train.epochs=2"];
    let fine_tuned = sandbox.run_all(&from_run);
    assert!(
        fine_tuned[&Stage::Fetch].stderr.contains("model.safetensors"),
        "{:?}",
        fine_tuned[&Stage::Fetch]
    );
    let random = [&from_run[..], &["--set", "fetch.weights=random"]].concat();
    let from_scratch = sandbox.run_all(&random);
    assert_ne!(from_scratch[&Stage::Train].folder(), fine_tuned[&Stage::Train].folder());
}

/// `metrics.json` is what the predictions say.
fn check_evaluation(folder: &std::path::Path) {
    let text = fs::read_to_string(evaluated::metrics(folder)).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = PredictionReader::open(&evaluated::predictions(folder)).unwrap().flat_map(Result::unwrap);
    let guesses: Vec<_> = rows
        .flat_map(|row| match row.decoded {
            Decoded::Masked { guesses } => guesses,
            other => unreachable!("{other:?}"),
        })
        .collect();
    let count = guesses.len() as f64;
    let loss = -guesses.iter().map(|guess| f64::from(guess.log_probability)).sum::<f64>() / count;
    let right = guesses.iter().filter(|guess| guess.predicted == guess.truth).count() as f64;
    let near = |key: &str, value: f64| (metrics[key].as_f64().unwrap() / value - 1.0).abs() < 1e-9;
    assert!(near("loss", loss) && near("perplexity", loss.exp()), "{metrics} and {loss}");
    assert_eq!(metrics["masked_accuracy"].as_f64(), Some(right / count));
}

#[test]
fn what_is_masked_goes_on_where_it_was() {
    let (whole, stopped) = (prepared(), prepared());
    run(&whole, &[Stage::Fetch, Stage::Tokenize, Stage::Train]);
    run(&stopped, &[Stage::Fetch, Stage::Tokenize]);
    stop_after_evaluations(&stopped, 3).check_refused(5, &["stopped by a signal"]);
    stop_after_evaluations(&stopped, 3).check_refused(5, &["stopped by a signal"]);
    run(&stopped, &[Stage::Train]);
    let (result, expect) = (result(&stopped), result(&whole));
    assert!(result.keys().eq(expect.keys()), "{:?} and {:?}", result.keys(), expect.keys());
    for (path, bytes) in result {
        assert!(bytes == expect[&path], "{} is another", path.display());
    }
}

/// Lets train evaluate on dev so often, and sends it a signal.
fn stop_after_evaluations(sandbox: &Sandbox, evaluations: usize) -> Run {
    let mut command = command(sandbox, Stage::Train);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while said.matches("dev: loss").count() < evaluations {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "it ended early: {said}");
    }
    // The shell's own: not every machine has a program of that name.
    Command::new("sh").args(["-c", "kill -TERM $0", &child.id().to_string()]).status().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    Run { stderr: said, ..child.wait_with_output().unwrap().into() }
}
