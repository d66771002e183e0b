//! `train-worker`: the work of `train`, with libtorch. `train` starts it.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, execute, inspect};

/// The work of `train`, which starts it.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
    /// Prints the model's parts, parameters and estimated memory, and trains nothing.
    #[arg(long)]
    summary: bool,
}

fn main() -> ExitCode {
    let Cli { stage, summary } = Cli::parse();
    match summary {
        true => inspect(Stage::Train, &stage, train::summary),
        false => execute(Stage::Train, &stage, train::run),
    }
}
