//! The stage `tokenize`: encodes the texts of every split as token ids, in order, in shards.

mod encode;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod klue_ner;
#[cfg(test)]
mod korquad;
mod shard;
mod split;
mod statistics;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use shared::config::TokenizeConfig;
use shared::layout::{Stage, fetched};
use shared::metadata::{FetchMetadata, TokenizeMetadata};
use shared::names::listed;
use shared::stage::Job;
use tasks::TaskParams;
use tokenizer::BoundedTokenizer;

use crate::encode::Encoder;
use crate::split::SplitJob;

/// The number of rows of each split in test mode: a few batches for train and evaluate.
const TEST_MODE_ROWS: u64 = 256;

/// Tokenizes every split of fetch's folder into `job.output`.
///
/// # Errors
/// A fault that names what is wrong: `tokenize.max_seq_length` beyond the model's positions (usage), no usable
/// tokenizer in the model's folder, a label that is not in the list, an id beyond the model's vocabulary (input).
pub fn run(job: &Job) -> Result<TokenizeMetadata> {
    let fetched = job.input(Stage::Fetch)?;
    let metadata: FetchMetadata = fetched.metadata()?;
    let max_seq_length = job.config.tokenize.max_seq_length;
    let tokenizer = BoundedTokenizer::load(&fetched::model(fetched.path()), max_seq_length)?;
    let params = TaskParams::new(&job.config, metadata.labels.clone());
    let encoder = Encoder::new(tokenizer, job.config.task, params);
    let pool = thread_pool(&job.config.tokenize)?;
    let mut splits = BTreeMap::new();
    for &split in metadata.examples.keys() {
        let work = SplitJob {
            split,
            examples: fetched::examples(fetched.path(), split),
            output: &job.output,
            max_rows: if job.config.test_mode { TEST_MODE_ROWS } else { u64::MAX },
        };
        splits.insert(split, work.run(&encoder, &pool)?);
    }
    if !metadata.labels.is_empty() {
        log::info!("labels, in the order of their ids: {}", listed(&metadata.labels));
    }
    Ok(TokenizeMetadata {
        labels: metadata.labels,
        max_seq_length,
        pad_token_id: encoder.tokenizer().pad_token_id(),
        mask_token_id: encoder.tokenizer().mask_token_id(),
        special_token_ids: encoder.tokenizer().special_token_ids(),
        splits,
    })
}

/// Creates a pool for this stage. An environment variable sets the size of rayon's global pool, so that is not used.
fn thread_pool(config: &TokenizeConfig) -> Result<ThreadPool> {
    let workers = match config.workers {
        0 => std::thread::available_parallelism()?.get(),
        workers => workers,
    };
    ThreadPoolBuilder::new()
        .num_threads(workers)
        .build()
        .with_context(|| format!("cannot start {workers} threads; lower `tokenize.workers`"))
}
