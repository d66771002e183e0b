//! A folder with the tiny config and its files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use shared::layout::{Stage, Work};
use tempfile::TempDir;

use crate::{Run, STAGES, binary, command};

/// A temporary folder in which stages run on `tiny.toml`, `train.tsv` and `test.tsv`, with `work/` as their work
/// folder.
#[derive(Debug)]
pub struct Sandbox(TempDir);

impl Sandbox {
    #[expect(clippy::new_without_default, reason = "it writes files")]
    pub fn new() -> Sandbox {
        let sandbox = Sandbox(tempfile::tempdir().unwrap());
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), sandbox.path(file.file_name())).unwrap();
        }
        sandbox
    }

    /// One in which every stage of the tiny config has run.
    pub fn trained() -> Sandbox {
        let sandbox = Sandbox::new();
        sandbox.run_all(&[]);
        sandbox
    }

    /// One in which the tiny config is for `task`, after a training on `examples`.
    pub fn trained_for(task: &str, examples: &[Value]) -> Sandbox {
        let sandbox = Sandbox::new();
        let config = fs::read_to_string(sandbox.path("task.toml")).unwrap().replace("TASK", task);
        fs::write(sandbox.path("tiny.toml"), config).unwrap();
        let lines: String = examples.iter().map(|example| format!("{example}\n")).collect();
        fs::write(sandbox.path("train.jsonl"), lines).unwrap();
        for stage in [Stage::Fetch, Stage::Tokenize, Stage::Train] {
            sandbox.run(stage, &[]).folder();
        }
        sandbox
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn work(&self) -> Work {
        Work::new(self.path("work"))
    }

    /// `program`, to be run in this folder.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        command(program, self.0.path(), &self.path("home"))
    }

    /// `stage` on the tiny config, to be run in this folder.
    pub fn command(&self, stage: Stage, options: &[&str]) -> Command {
        let mut command = self.program(binary(stage));
        command.args(["--config", "tiny.toml"]).args(options);
        command
    }

    pub fn run(&self, stage: Stage, options: &[&str]) -> Run {
        self.command(stage, options).output().unwrap().into()
    }

    /// Runs every stage; none may fail.
    pub fn run_all(&self, options: &[&str]) -> BTreeMap<Stage, Run> {
        let run = |stage| {
            let run = self.run(stage, options);
            run.folder();
            (stage, run)
        };
        STAGES.into_iter().map(run).collect()
    }

    /// The folder that the run's link to `stage` points at.
    pub fn folder(&self, stage: Stage) -> PathBuf {
        self.work().run_link("tiny", stage).canonicalize().unwrap()
    }
}

/// Every file below `folder`, in order; links are not followed.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}
