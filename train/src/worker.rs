//! `train-worker`: the work of `train`, with libtorch. `train` starts it where there is work to do.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, execute};

/// The work of `train`, which starts it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
}

fn main() -> ExitCode {
    execute(Stage::Train, &Cli::parse().stage, train::run)
}
