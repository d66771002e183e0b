//! `serve`: predictions of a fine-tuned model over HTTP.

use std::process::ExitCode;

use clap::Parser;
use predict::serve::ServeArgs;

/// Serves predictions of a fine-tuned model over HTTP, with a web page to try it; prints its address.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    predict::serve::run(&Cli::parse().serve)
}
