//! `fetch`: brings a corpus and a pretrained model into the house.

use std::process::ExitCode;

use clap::Parser;
use shared::layout::Stage;
use shared::stage::{StageArgs, execute};

/// Brings a corpus and a pretrained model into the house.
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
