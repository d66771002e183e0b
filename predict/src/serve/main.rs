//! `serve`: a fine-tuned model behind HTTP.

use std::process::ExitCode;

use clap::Parser;
use predict::serve::ServeArgs;

/// Answers about texts over HTTP, with a page to try it on; prints its address.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    predict::serve::run(&Cli::parse().serve)
}
