//! `predict`: predictions of a fine-tuned model for texts.

use std::process::ExitCode;

use clap::Parser;
use predict::predict::PredictArgs;

/// Predicts for texts with a fine-tuned model, in their order; writes JSON Lines or Parquet.
#[derive(Parser)]
#[command(name = "predict", version)]
struct Cli {
    #[command(flatten)]
    predict: PredictArgs,
}

fn main() -> ExitCode {
    predict::predict::run(&Cli::parse().predict)
}
