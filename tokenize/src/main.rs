//! The program `tokenize`.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, execute};

/// Encodes the examples of fetch as padded token ids.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    stage: StageArgs,
}

fn main() -> ExitCode {
    execute(Stage::Tokenize, &Cli::parse().stage, tokenize::run)
}
