//! Training steps on request, for `bench/` to time beside another program's in one run.
//!
//! Says `{"ready":true}` when the model stands. Each line of the standard input is a number of steps to take, answered by
//! `{"milliseconds":[…],"input_milliseconds":[…],"peak_mib":…}`, the second what of a step is spent on making its batch; the
//! end of the input ends it.

#![expect(clippy::print_stdout, reason = "its answers are what it is for")]

use std::io::stdin;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use models::{AdamW, AdamWConfig, Batch, BertConfig, Compute, Dataset, HeadPolicy, Model, Objective};
use serde_json::json;
use shared::config::{DeviceChoice, Precision, Weights};
use shared::console::peak_memory_bytes;
use shared::schema::{Features, TargetKind, Targets};
use shared::stage::as_a_worker;
use shared::task::OutputLayer;

const SEED: u64 = 7;
const LEARNING_RATE: f64 = 5e-5;
const SPECIAL_TOKENS: usize = 5;
/// Batches that the steps take in turn: more than the fastest caches hold.
const BATCHES: usize = 64;

#[derive(Parser)]
struct Arguments {
    /// A folder with the config.json of the model; its weights are random.
    #[arg(long)]
    model: PathBuf,
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Tokens of every example.
    #[arg(long, default_value_t = 32)]
    seq: usize,
    /// f32 or bf16
    #[arg(long, default_value = "f32", value_parser = precision)]
    precision: Precision,
    /// 0: one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    #[arg(long, default_value = "cpu", value_parser = device)]
    device: DeviceChoice,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    as_a_worker()?;
    let arguments = Arguments::parse();
    let compute =
        Compute::open_here(arguments.device, arguments.precision, arguments.threads, SEED)?.autodiff();
    let labels = ["negative", "positive"].map(String::from);
    let config =
        BertConfig::read(&arguments.model)?.with_task(OutputLayer::Sequence, TargetKind::Class, &labels);
    let dataset = dataset(&config, BATCHES * arguments.batch, arguments.seq);
    let rows: Vec<usize> = (0..dataset.len()).collect();
    let (weights, head) = (Weights::Random, HeadPolicy::MayBeNew);
    let mut model = Model::build(&arguments.model, config, weights, head, &compute, SEED)?;
    let (objective, mut optimizer) = (Objective::default(), AdamW::new(AdamWConfig::default()));
    println!("{}", json!({ "ready": true }));
    let mut batches = rows.chunks(arguments.batch).cycle().zip(0..);
    for line in stdin().lines() {
        let count: usize = line?.trim().parse().context("a line of the input is no number of steps")?;
        let (mut whole, mut input) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (rows, step) in batches.by_ref().take(count) {
            let started = Instant::now();
            let batch = Batch::new(dataset.select(rows), model.config())?;
            input.push(milliseconds(started));
            model.step(&[batch], &objective, &mut optimizer, step, LEARNING_RATE)?;
            whole.push(milliseconds(started));
        }
        let peak_mib = peak_memory_bytes().map(|bytes| bytes >> 20);
        let answer = json!({ "milliseconds": whole, "input_milliseconds": input, "peak_mib": peak_mib });
        println!("{answer}");
    }
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Examples of `seq` tokens each, the labels in turn.
fn dataset(config: &BertConfig, size: usize, seq: usize) -> Dataset {
    // Whatever the vocabulary, its first tokens are the special ones.
    let words = config.vocab_size.saturating_sub(SPECIAL_TOKENS).max(1);
    let row = |row: usize| Features {
        example_id: row.to_string(),
        input_ids: (0..seq).map(|i| (SPECIAL_TOKENS + (row * 7919 + i * 104_729) % words) as i32).collect(),
        token_type_ids: vec![0; seq],
        targets: Targets::Class(row as i64 % 2),
        offsets: Vec::new(),
    };
    Dataset::of((0..size).map(row).collect())
}

fn precision(name: &str) -> Result<Precision> {
    Ok(serde_json::from_value(name.into())?)
}

fn device(name: &str) -> Result<DeviceChoice> {
    Ok(serde_json::from_value(name.into())?)
}
