//! A disk that is full when a stage writes: worth a retry, and nothing half-made is taken for a result.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use shared::layout::Stage;
use tests::{Run, STAGES, Sandbox, binary, files_below};

/// Mounts a file system of `$1` bytes in a namespace of its own, puts the work so far on it, and runs the stage `$3`,
/// whose binary is `$2`. It must leave no result; with more room the same command must succeed.
const SCRIPT: &str = r#"
set -eu
mount -t tmpfs -o size="$1" tmpfs small
cp -a work/. small/
status=0
"$2" --config tiny.toml --work small || status=$?
test ! -e small/runs/tiny/"$3"
mount -o remount,size=16m small
"$2" --config tiny.toml --work small > again 2>&1
exit $status
"#;

const PAGE: u64 = 4096;
/// On the small disk, beside the work so far.
const FREE_PAGES: u64 = 2;

/// True where this user may mount a file system in a namespace.
fn may_mount() -> bool {
    let probe = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"];
    Command::new("unshare").args(probe).output().is_ok_and(|output| output.status.success())
}

/// The size of the files below `folder` on a tmpfs, in pages.
fn pages(folder: &Path) -> u64 {
    files_below(folder).iter().map(|file| fs::metadata(file).unwrap().len().div_ceil(PAGE)).sum()
}

fn on_full_disk(sandbox: &Sandbox, stage: Stage) -> Run {
    let size = PAGE * (pages(sandbox.work().root()) + FREE_PAGES);
    let mut command = sandbox.program("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh", &size.to_string()]);
    command.arg(binary(stage)).arg(stage.name());
    command.output().unwrap().into()
}

#[test]
fn a_full_disk_is_worth_a_retry() {
    if !may_mount() {
        eprintln!("skipped: no file system can be mounted here without being root");
        return;
    }
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("work")).unwrap();
    fs::create_dir(sandbox.path("small")).unwrap();
    for stage in STAGES {
        let run = on_full_disk(&sandbox, stage);
        run.check_refused(4, &["small/", "No space left on device"]);
        sandbox.run(stage, &[]).folder();
    }
}
