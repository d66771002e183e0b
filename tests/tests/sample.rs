//! The run that `make all` starts with.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;

use shared::layout::{Stage, Work, evaluated};
use tests::{Run, STAGES, binary, command, workspace};

#[test]
fn the_sample_learns() {
    let folder = tempfile::tempdir().unwrap();
    let work = Work::new(folder.path().join("work"));
    for stage in STAGES {
        // The config's paths are relative to the workspace.
        let mut command = command(binary(stage), &workspace(), &folder.path().join("home"));
        command.args(["--config", "configs/sample.toml", "--work"]).arg(work.root());
        Run::from(command.output().unwrap()).folder();
    }
    let metrics = evaluated::metrics(&work.run_link("sample", Stage::Evaluate));
    let metrics: serde_json::Value = serde_json::from_slice(&fs::read(metrics).unwrap()).unwrap();
    assert!(metrics["accuracy"].as_f64().unwrap() >= 0.8, "{metrics}");
}
