//! `evaluate`: measures the fine-tuned model.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, execute};

/// Measures the model that `train` made on a split that it has not seen.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
}

fn main() -> ExitCode {
    execute(Stage::Evaluate, &Cli::parse().stage, evaluate::run)
}
