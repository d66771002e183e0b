//! `evaluate`: finds the result where it stands already, without loading libtorch, and else starts `evaluate-worker`.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, reuse_or_hand_over};

/// Measures the model that `train` made on a split that it has not seen.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
}

fn main() -> ExitCode {
    reuse_or_hand_over(Stage::Evaluate, &Cli::parse().stage, "evaluate-worker")
}
