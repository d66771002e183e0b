//! `predict`: predictions of a fine-tuned model for texts.

use std::process::ExitCode;

use clap::Parser;
use predict::predict::PredictArgs;

/// Says of texts what a fine-tuned model finds in them, in their order, as JSON Lines or Parquet.
#[derive(Parser)]
#[command(name = "predict", version)]
struct Cli {
    #[command(flatten)]
    predict: PredictArgs,
}

fn main() -> ExitCode {
    predict::predict::run(&Cli::parse().predict)
}
