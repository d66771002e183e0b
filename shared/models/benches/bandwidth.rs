//! The optimizer's pass and its neighbours beside a copy of as much memory, for `bench/` to ask.
//!
//! Says `{"ready":true}` when the memory stands. Each line of the standard input is a number of rounds, in which every
//! pass has its turn, answered by the gigabytes a second that each read and wrote, `{"copy":[…],"adamw_f32":[…],…}`; the
//! end of the input ends it.

#![expect(clippy::print_stdout, reason = "its answers are what it is for")]

use std::collections::BTreeMap;
use std::io::stdin;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use models::{Bandwidth, Compute};
use shared::config::{DeviceChoice, Precision};

#[derive(Parser)]
struct Arguments {
    /// Numbers of the parameter that is updated; by default as many as KcBERT has.
    #[arg(long, default_value_t = 108_919_298)]
    numbers: usize,
    /// 0: one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

type Pass = fn(&mut Bandwidth) -> usize;

const PASSES: [(&str, Pass); 6] = [
    ("copy", Bandwidth::copy),
    ("adamw_f32", |passes| passes.adamw(Precision::F32)),
    ("adamw_bf16", |passes| passes.adamw(Precision::Bf16)),
    ("norm_f32", |passes| passes.norm(Precision::F32)),
    ("norm_bf16", |passes| passes.norm(Precision::Bf16)),
    ("masks", Bandwidth::masks),
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let compute = Compute::open(DeviceChoice::Cpu, Precision::F32, arguments.threads, 0)?;
    let mut passes = Bandwidth::new(arguments.numbers, &compute);
    println!("{}", serde_json::json!({ "ready": true }));
    for line in stdin().lines() {
        let rounds: usize = line?.trim().parse().context("a line of the input is no number of rounds")?;
        let mut rates: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for _ in 0..rounds {
            for (name, pass) in PASSES {
                let started = Instant::now();
                let bytes = pass(&mut passes);
                rates.entry(name).or_default().push(bytes as f64 / 1e9 / started.elapsed().as_secs_f64());
            }
        }
        println!("{}", serde_json::to_string(&rates)?);
    }
    Ok(())
}
