//! `train`: it finds a finished result without loading libtorch, or else starts `train-worker`.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, exec_worker, reuse_or_exec_worker};

/// Fine-tunes the model of `fetch` on the features of `tokenize`.
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
        true => exec_worker(Stage::Train, &stage, "train-worker"),
        false => reuse_or_exec_worker(Stage::Train, &stage, "train-worker"),
    }
}
