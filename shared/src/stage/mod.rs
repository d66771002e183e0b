//! The run contract: the work of every stage binary around its own.

mod build;
mod compare;
mod exec_worker;
mod plan;
mod program;
mod results;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::config::Config;
use crate::console::{self, LogFormat};
use crate::fault::{self, FaultKind, OutOfMemory};
use crate::layout::Stage;
use crate::lock::Lock;
use crate::manifest::FinishedFolder;
use crate::signals;

use plan::Plan;

pub use compare::{Named, compare};
pub use exec_worker::{as_a_worker, exec_worker, reuse_or_exec_worker};
pub use program::execute_program;
pub use results::Results;

/// The options that name a run.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// The experiment's TOML file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Overrides one key of the config; may be given many times.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
    /// The folder of stage folders and runs.
    #[arg(long, value_name = "DIR", default_value = "work")]
    pub work: PathBuf,
}

/// The options that every stage has.
#[derive(Debug, Clone, clap::Args)]
// clap counts only the options of the struct itself when it decides whether any was given, so the group names `config`.
#[group(args = ["config"])]
pub struct StageArgs {
    /// The options that name a run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Builds the folder again although it is up to date, or damaged.
    #[arg(long)]
    pub force: bool,
    /// Says which folder would be built or reused, and does nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Hashes every file again instead of trusting sizes and times.
    #[arg(long)]
    pub verify: bool,
    /// Seconds to wait for another process that builds the same folder.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub lock_wait: u64,
    /// The format of lines on stderr.
    #[arg(long, value_enum, default_value_t)]
    pub log: LogFormat,
}

/// The inputs and the output of a stage's own work.
#[derive(Debug)]
pub struct Job {
    /// The config of the run.
    pub config: Config,
    /// The folder to write; it is empty, and finished for the world only when the work returns.
    pub output: PathBuf,
    /// The folder for unfinished work. Its content survives this process, until the result is finished.
    pub progress: PathBuf,
    /// Tells whether the result is built anew.
    pub rebuild: Rebuild,
    inputs: BTreeMap<Stage, FinishedFolder>,
}

/// Why the folder is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuild {
    /// It does not exist yet: what this machine has at hand may be used.
    IfNeeded,
    /// `--force`: nothing that was kept from an earlier run is trusted.
    Force,
}

impl Job {
    /// The finished folder of an earlier stage, verified; for fetch, train's of the run that `fetch.model` names.
    ///
    /// # Errors
    /// A bug, if [`Stage::inputs`] does not list `stage`, or `fetch.model` names no run.
    pub fn input(&self, stage: Stage) -> Result<&FinishedFolder> {
        self.inputs.get(&stage).with_context(|| format!("{stage} is not an input of this stage"))
    }
}

/// Runs `work` as `stage` under the run contract and turns the outcome into an exit code.
///
/// `work` returns the metadata for the manifest.
pub fn execute<F: Serialize>(
    stage: Stage,
    args: &StageArgs,
    work: impl FnOnce(&Job) -> Result<F>,
) -> ExitCode {
    if let Err(error) = open_console(stage, args) {
        return fail(error);
    }
    match reporting_panics(|| run(stage, args, work)) {
        Ok(outcome) => conclude(outcome),
        Err(code) => code,
    }
}

/// The outcome of `work`, or the exit code of its panic. Errors of libtorch, such as exhausted GPU memory, reach Rust as
/// panics; the hook of the console reports them.
fn reporting_panics<T>(work: impl FnOnce() -> T) -> Result<T, ExitCode> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        if fault::is_out_of_memory(panic.as_ref()) {
            fail(OutOfMemory.into())
        } else {
            FaultKind::Bug.exit_code()
        }
    })
}

/// Prints what `describe` says of the stage's work, which is not done.
pub fn inspect(stage: Stage, args: &StageArgs, describe: impl FnOnce(&Job) -> Result<String>) -> ExitCode {
    let plan = open_console(stage, args).and_then(|()| Plan::new(stage, args));
    conclude(plan.and_then(|plan| describe(&plan.job())))
}

/// Prepares a process: logging and signals.
fn open_console(stage: Stage, args: &StageArgs) -> Result<()> {
    console::init(args.log, stage.name());
    signals::listen()
}

/// Prints the result, a folder or a text, or the failure.
fn conclude(outcome: Result<impl AsRef<OsStr>>) -> ExitCode {
    match outcome.and_then(|result| console::print_result(&result.as_ref().to_string_lossy())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn fail(error: anyhow::Error) -> ExitCode {
    let kind = fault::kind_of(&error);
    console::report_failure(kind, &format!("{error:#}"));
    kind.exit_code()
}

fn run<F: Serialize>(
    stage: Stage,
    args: &StageArgs,
    work: impl FnOnce(&Job) -> Result<F>,
) -> Result<PathBuf> {
    let mut plan = Plan::new(stage, args)?;
    if let Some(folder) = plan.reuse()? {
        return Ok(folder);
    }
    let _lock = Lock::take(&plan.lock(), Duration::from_secs(args.lock_wait))?;
    // Another process may have finished the folder while this one waited.
    if let Some(folder) = plan.reuse()? {
        return Ok(folder);
    }
    build::build(plan, work)
}
