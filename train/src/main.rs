//! `train`: finds the result where it stands already, without loading libtorch, and else starts `train-worker`.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, reuse_or_hand_over};

/// Fine-tunes the model that `fetch` got on the features that `tokenize` made.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
}

fn main() -> ExitCode {
    reuse_or_hand_over(Stage::Train, &Cli::parse().stage, "train-worker")
}
