//! `evaluate`: it finds a finished result without loading libtorch, or else starts `evaluate-worker`.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, exec_worker, reuse_or_exec_worker};

/// Evaluates the model of `train` on a split that it was not trained on.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
    /// Prints a table that compares the run's metrics with those of other runs, and evaluates nothing. Takes names of runs
    /// in the work folder, or paths of evaluate's folders.
    #[arg(long, value_name = "RUN", num_args = 1..)]
    compare: Vec<String>,
}

fn main() -> ExitCode {
    let Cli { stage, compare } = Cli::parse();
    match compare.is_empty() {
        true => reuse_or_exec_worker(Stage::Evaluate, &stage, "evaluate-worker"),
        false => exec_worker(Stage::Evaluate, &stage, "evaluate-worker"),
    }
}
