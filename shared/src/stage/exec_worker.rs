//! The start of a worker: the program beside this one that links libtorch and does the stage's work.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use super::plan::Plan;
use super::{StageArgs, conclude, fail, open_console};
use crate::console;
use crate::fault::Fault;
use crate::layout::Stage;

/// Finds the result where it stands, and becomes `program` only where there is work to do: loading libtorch takes a
/// third of a second, and finding that nothing is to be done should not.
pub fn reuse_or_exec_worker(stage: Stage, args: &StageArgs, program: &str) -> ExitCode {
    let plan = open_console(stage, args).and_then(|()| Plan::new(stage, args));
    match plan.and_then(|mut plan| plan.reuse()) {
        Ok(None) => become_program(program),
        Ok(Some(folder)) => conclude(Ok(folder)),
        Err(error) => fail(error),
    }
}

/// Starts `program`, which stands beside this one, in its place, whatever there is to do.
pub fn exec_worker(stage: Stage, args: &StageArgs, program: &str) -> ExitCode {
    console::init(args.log, stage.name());
    become_program(program)
}

/// The number of times that libgomp's threads look for work before they sleep. Spinning threads take the cores from the other
/// threads of a training and from other programs.
const SPINS: &str = "GOMP_SPINCOUNT";
/// Some microseconds: less than a pass over a layer takes.
const FEW: &str = "1000";
/// The variables that control waiting; a user's own setting stands.
const WAITING: [&str; 2] = [SPINS, "OMP_WAIT_POLICY"];

/// The variable that controls glibc's allocator.
const ALLOCATOR: &str = "GLIBC_TUNABLES";
/// Memory is asked for in huge pages, and large tensors are taken from what earlier ones left. As glibc comes, each of
/// them is mapped anew, and the kernel clears it page by page.
const KEPT: &str =
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296";

/// Becomes `program`, with this process' arguments.
fn become_program(program: &str) -> ExitCode {
    let path = env::current_exe().map(|own| own.with_file_name(program));
    let error = match path {
        Ok(path) => {
            let mut command = Command::new(&path);
            command.args(env::args_os().skip(1));
            command.envs(worker_environment());
            let error = command.exec();
            let advice =
                format!("cannot start {}, which must be in the same folder as this program", path.display());
            anyhow::Error::from(error).context(Fault::usage(advice))
        }
        Err(error) => anyhow::Error::from(error).context(format!("cannot find {program}")),
    };
    fail(error)
}

/// Begins this process again in the environment of a worker, unless it is in that already: for a program that is not
/// started by another.
///
/// # Errors
/// An error where the system does not start it.
pub fn as_a_worker() -> Result<()> {
    let mut environment = worker_environment().peekable();
    if environment.peek().is_none() {
        return Ok(());
    }
    let mut command = Command::new(env::current_exe().context("cannot find this program")?);
    Err(command.args(env::args_os().skip(1)).envs(environment).exec()).context("cannot restart this program")
}

/// The variables that a worker's libraries read at the start of the process, without those that the user has set.
fn worker_environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    let unset = |names: &[&str]| names.iter().all(|name| env::var_os(name).is_none());
    let spins = unset(&WAITING).then_some((SPINS, FEW));
    let allocator = unset(&[ALLOCATOR]).then_some((ALLOCATOR, KEPT));
    spins.into_iter().chain(allocator)
}
