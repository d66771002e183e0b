//! Programs that use results of stages and make no folder.

use std::process::ExitCode;

use anyhow::Result;

use super::{as_a_worker, fail, reporting_panics};
use crate::console::{self, LogFormat};

/// Runs `work` as the program `name`, in the environment of a worker, and turns the outcome into an exit code.
pub fn execute_program(name: &'static str, log: LogFormat, work: impl FnOnce() -> Result<()>) -> ExitCode {
    console::init(log, name);
    let code = match reporting_panics(|| as_a_worker().and_then(|()| work())) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(error),
        Err(code) => code,
    };
    console::flush();
    code
}
