//! `train`: fine-tunes the model.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, execute};

/// Fine-tunes the model that `fetch` got on the features that `tokenize` made.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
}

fn main() -> ExitCode {
    execute(Stage::Train, &Cli::parse().stage, train::run)
}
