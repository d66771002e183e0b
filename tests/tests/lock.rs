//! Two processes on one folder, and what a dead one leaves behind.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};

use shared::layout::Stage;
use tests::{Run, Sandbox};

/// The folder that fetch is going to make, with its parent there.
fn promised(sandbox: &Sandbox) -> PathBuf {
    let promised = sandbox.run(Stage::Fetch, &["--dry-run"]);
    sandbox.path(promised.folder())
}

fn lock_of(sandbox: &Sandbox, folder: &Path) -> File {
    let fingerprint = folder.file_name().unwrap().to_string_lossy();
    let lock = File::create(sandbox.work().lock(Stage::Fetch, &fingerprint)).unwrap();
    lock.lock().unwrap();
    lock
}

/// A process, and what it has still to say.
struct Waiting {
    child: Child,
    said: String,
    stderr: BufReader<ChildStderr>,
}

/// A fetch that has come as far as the lock.
fn waiting(sandbox: &Sandbox) -> Waiting {
    let mut command = sandbox.command(Stage::Fetch, &[]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("waiting for it") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "it did not wait: {said}");
    }
    Waiting { child, said, stderr }
}

fn end(mut waiting: Waiting) -> Run {
    waiting.stderr.read_to_string(&mut waiting.said).unwrap();
    let output = waiting.child.wait_with_output().unwrap();
    Run { stderr: waiting.said, ..output.into() }
}

fn check_alone(folder: &Path) {
    let beside = fs::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = beside.filter(|path| path.is_dir()).collect();
    assert_eq!(folders, [folder]);
}

#[test]
fn two_processes_make_one_folder() {
    let sandbox = Sandbox::new();
    let folder = promised(&sandbox);
    let lock = lock_of(&sandbox, &folder);
    let both = [waiting(&sandbox), waiting(&sandbox)];
    drop(lock);
    let runs = both.map(end);
    for run in &runs {
        assert_eq!(sandbox.path(run.folder()), folder);
    }
    assert_eq!(runs.iter().filter(|run| run.reused()).count(), 1, "{runs:?}");
    check_alone(&folder);
}

#[test]
fn a_wait_can_be_bounded() {
    let sandbox = Sandbox::new();
    let folder = promised(&sandbox);
    let _lock = lock_of(&sandbox, &folder);
    let run = sandbox.run(Stage::Fetch, &["--lock-wait", "0"]);
    run.check_refused(4, &["another process", "run the same command again"]);
}

#[test]
fn files_of_a_dead_process_are_removed() {
    let sandbox = Sandbox::new();
    let folder = promised(&sandbox);
    let fingerprint = folder.file_name().unwrap().to_string_lossy();
    for left in [
        sandbox.work().partial(Stage::Fetch, &fingerprint),
        sandbox.work().replaced(Stage::Fetch, &fingerprint),
    ] {
        fs::create_dir_all(left.join("model")).unwrap();
        fs::write(left.join("model/config.json"), "half of").unwrap();
    }
    let run = sandbox.run(Stage::Fetch, &[]);
    assert_eq!(sandbox.path(run.folder()), folder);
    check_alone(&folder);
}
