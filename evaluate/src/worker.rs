//! `evaluate-worker`: the work of `evaluate`, with libtorch. `evaluate` starts it.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, compare, execute};

/// The work of `evaluate`, which starts it.
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
    let Cli { stage, compare: runs } = Cli::parse();
    match runs.is_empty() {
        true => execute(Stage::Evaluate, &stage, evaluate::run),
        false => compare(Stage::Evaluate, &stage, &runs, evaluate::compare),
    }
}
