//! `evaluate-worker`: the work of `evaluate`, with libtorch. `evaluate` starts it where there is work to do.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, execute};

/// The work of `evaluate`, which starts it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
}

fn main() -> ExitCode {
    execute(Stage::Evaluate, &Cli::parse().stage, evaluate::run)
}
