//! The stage binaries as a user runs them: in a folder of their own, with a config, reading only stdout, stderr,
//! the exit code and what lies in the work folder.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure of the harness is a failed test")]

mod browser;
mod sandbox;
mod server;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use shared::layout::Stage;

pub use browser::Browser;
pub use sandbox::{Sandbox, files_below};
pub use server::Server;

/// The stages in the order in which a user runs them.
pub const STAGES: [Stage; 4] = [Stage::Fetch, Stage::Tokenize, Stage::Train, Stage::Evaluate];

/// The environment variables that a stage gets in a test: paths of programs and libraries, and the temporary folder.
const PASSED_ON: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "OMP_NUM_THREADS"];

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The binary of `stage`.
pub fn binary(stage: Stage) -> PathBuf {
    program(stage.name())
}

/// The binary `name`, built by `cargo build --release`; beside the tests wherever cargo's target folder is.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.is_file(), "{} does not exist; run `make build` first", path.display());
    path
}

/// `program`, to be run in `folder`, with no more of this process' environment than it needs, and with caches and
/// a home of its own in `home`.
pub fn command(program: impl AsRef<OsStr>, folder: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear();
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("HOME", home).env("BERTLINE_CACHE", home.join("downloads")).env("HF_HOME", home.join("hub"));
    command
}

/// A stage that has ended.
#[derive(Debug)]
pub struct Run {
    /// None where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{stderr}");
        Run { code: output.status.code(), stdout: String::from_utf8(output.stdout).unwrap(), stderr }
    }
}

impl Run {
    /// The folder that a stage which succeeded has printed: the one line of its stdout.
    pub fn folder(&self) -> &Path {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        let line = self.stdout.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "more than one line on stdout: {line}");
        Path::new(line)
    }

    /// True where the stage found its folder up to date.
    pub fn reused(&self) -> bool {
        self.stderr.contains("up to date")
    }

    /// The stage failed with `code`, and said why in one sentence that contains `parts`.
    pub fn check_refused(&self, code: i32, parts: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        let errors: Vec<&str> = self.stderr.lines().filter(|line| line.contains(": error: ")).collect();
        let [sentence] = errors[..] else { panic!("not one error: {}", self.stderr) };
        assert_eq!(self.stderr.lines().last(), Some(sentence));
        parts.iter().for_each(|part| assert!(sentence.contains(part), "`{sentence}` lacks `{part}`"));
    }
}
