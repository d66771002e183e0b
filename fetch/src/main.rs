//! The program `fetch`.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, execute};

/// Downloads a corpus and a pretrained model, and writes them as examples and in the Hub layout.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Lists the corpora that `fetch.corpus` can name.
    #[arg(long, exclusive = true)]
    list: bool,
    #[command(flatten)]
    stage: Option<StageArgs>,
}

fn main() -> ExitCode {
    match Cli::parse().stage {
        Some(args) => execute(Stage::Fetch, &args, fetch::run),
        None => fetch::list(),
    }
}
