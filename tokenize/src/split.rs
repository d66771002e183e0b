//! Encodes one split in constant memory: while one batch is written, the next is encoded and the one after that is read.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use rayon::ThreadPool;
use shared::console::{Progress, Unit};
use shared::layout::Split;
use shared::metadata::SplitMetadata;
use shared::schema::{Example, ExampleReader, Features};
use tasks::Encoded;

use crate::encode::Encoder;
use crate::shard::{ROWS_PER_SHARD, ShardPlan, ShardWriter};
use crate::statistics::Statistics;

/// The work for one split.
pub(crate) struct SplitJob<'a> {
    pub(crate) split: Split,
    /// The file of examples.
    pub(crate) examples: PathBuf,
    /// Tokenize's folder.
    pub(crate) output: &'a Path,
    /// The maximum number of rows; only the first ones are encoded.
    pub(crate) max_rows: u64,
}

impl SplitJob<'_> {
    /// Encodes the split on `pool` and writes the features in the order of the examples.
    pub(crate) fn run(&self, encoder: &Encoder, pool: &ThreadPool) -> Result<SplitMetadata> {
        let started = Instant::now();
        let examples = ExampleReader::open(&self.examples)?;
        let left = examples.rows().min(self.max_rows);
        let writer = ShardWriter::create(self.plan(encoder))?;
        let rows = FirstRows { examples, left };
        let (statistics, shards) = pool.install(|| self.convert(rows, encoder, writer))?;
        let (mean_length, misaligned) = (statistics.mean_length(), statistics.misaligned());
        let without_tokens = statistics.is_without_tokens();
        let unknown = statistics.unknown().warning();
        let metadata = statistics.into_metadata(shards);
        self.report(&metadata, mean_length, started);
        if without_tokens {
            log::warn!(
                "{}: no text has a token, so this split is of no use for training or evaluation",
                self.split
            );
        }
        unknown.iter().chain(&misaligned).for_each(|sentence| log::warn!("{}: {sentence}", self.split));
        Ok(metadata)
    }

    fn plan(&self, encoder: &Encoder) -> ShardPlan {
        ShardPlan {
            folder: self.output.to_owned(),
            split: self.split,
            rows_per_shard: ROWS_PER_SHARD,
            max_seq_length: encoder.tokenizer().max_seq_length(),
            pad_token_id: encoder.tokenizer().pad_token_id(),
            targets: encoder.targets(),
        }
    }

    /// Reads, encodes and writes in parallel on the current thread pool. No further threads are needed: a worker that has
    /// written its batch helps to encode the next one.
    ///
    /// Returns the statistics and the number of shards.
    fn convert(
        &self,
        mut rows: FirstRows,
        encoder: &Encoder,
        mut writer: ShardWriter,
    ) -> Result<(Statistics, usize)> {
        let mut progress = Progress::new(self.split.name(), rows.left, Unit::Items);
        let mut statistics = Statistics::new(encoder.tokenizer().max_seq_length());
        let mut read = rows.next_batch()?;
        let mut encoded: Vec<Features> = Vec::new();
        while !(read.is_empty() && encoded.is_empty()) {
            let write = || writer.write(&encoded);
            let advance = || rayon::join(|| encoder.encode_batch(&read), || rows.next_batch());
            let (written, (next_encoded, next_read)) = rayon::join(write, advance);
            written?;
            encoded = counted(next_encoded?, &mut statistics);
            progress.advance(read.len() as u64);
            read = next_read?;
        }
        progress.finish();
        Ok((statistics, writer.finish()?))
    }

    fn report(&self, metadata: &SplitMetadata, mean_length: f64, started: Instant) {
        log::info!(
            "{}: {} rows, lengths {mean_length:.1} on average, {} for half, {} for 95 %, {} at most; {:.2} % truncated, \
             {:.2} % [UNK], {:.0} rows/s",
            self.split,
            metadata.rows,
            quantile(&metadata.length_histogram, 0.5),
            quantile(&metadata.length_histogram, 0.95),
            quantile(&metadata.length_histogram, 1.0),
            100.0 * metadata.truncation_rate,
            100.0 * metadata.unk_rate,
            metadata.rows as f64 / started.elapsed().as_secs_f64(),
        );
    }
}

/// The smallest length that a fraction `share` of the rows does not exceed.
fn quantile(histogram: &[u64], share: f64) -> usize {
    let wanted = histogram.iter().sum::<u64>() as f64 * share;
    let mut rows = 0;
    let covers = |count: &u64| {
        rows += count;
        rows as f64 >= wanted
    };
    histogram.iter().position(covers).unwrap_or(0)
}

/// Adds `rows` to the statistics and returns their features.
fn counted(rows: Vec<Encoded>, statistics: &mut Statistics) -> Vec<Features> {
    rows.iter().for_each(|row| statistics.add(row));
    rows.into_iter().map(|row| row.features).collect()
}

/// The first rows of a file of examples.
struct FirstRows {
    examples: ExampleReader,
    left: u64,
}

impl FirstRows {
    /// The next batch of a few thousand rows; empty at the end.
    fn next_batch(&mut self) -> Result<Vec<Example>> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let mut batch = self.examples.next().transpose()?.unwrap_or_default();
        batch.truncate(usize::try_from(self.left)?);
        self.left -= batch.len() as u64;
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Model;
    use rayon::ThreadPoolBuilder;
    use shared::layout::tokenized;
    use shared::schema::{ExampleWriter, FeaturesReader, Truth};
    use shared::task::Task;
    use tasks::TaskParams;
    use tokenizer::BoundedTokenizer;

    /// More than two batches of the reader.
    const ROWS: usize = 10_000;

    fn write_examples(path: &Path, bad_label: Option<usize>) {
        let example = |row: usize| Example {
            example_id: row.to_string(),
            text: "영화가 좋다! ".repeat(row % 7),
            text_pair: None,
            truth: Truth::Label(if Some(row) == bad_label { "fine" } else { "good" }.to_owned()),
        };
        let shape = Task::Classification.shape();
        let mut writer = ExampleWriter::create(path, shape).unwrap();
        writer.write(&(0..ROWS).map(example).collect::<Vec<_>>()).unwrap();
        writer.finish().unwrap();
    }

    fn run(folder: &Path, workers: usize, max_rows: u64) -> Result<SplitMetadata> {
        let tokenizer = BoundedTokenizer::load(Model::word_piece().path(), 16).unwrap();
        let params = TaskParams { labels: vec!["good".to_owned()], ..TaskParams::default() };
        let encoder = Encoder::new(tokenizer, Task::Classification, params);
        let pool = ThreadPoolBuilder::new().num_threads(workers).build().unwrap();
        let examples = folder.join("examples.parquet");
        SplitJob { split: Split::Train, examples, output: folder, max_rows }.run(&encoder, &pool)
    }

    fn shard(folder: &Path) -> PathBuf {
        tokenized::features(folder, Split::Train, 0, 1)
    }

    #[test]
    fn quantiles_of_lengths_are_found() {
        let check = |share: f64, expect: usize| assert_eq!(quantile(&[0, 0, 5, 4, 0, 1], share), expect);
        check(0.5, 2);
        check(0.9, 3);
        check(1.0, 5);
        assert_eq!(quantile(&[0, 0], 0.5), 0);
    }

    #[test]
    fn bytes_are_the_same_for_any_number_of_workers() {
        let folder = tempfile::tempdir().unwrap();
        write_examples(&folder.path().join("examples.parquet"), None);
        let mut bytes = Vec::new();
        for workers in [1, 2, 3] {
            let metadata = run(folder.path(), workers, u64::MAX).unwrap();
            assert_eq!(metadata.rows, ROWS as u64);
            bytes.push(std::fs::read(shard(folder.path())).unwrap());
        }
        assert!(bytes[0] == bytes[1] && bytes[1] == bytes[2]);
    }

    #[test]
    fn the_first_rows_are_encoded_in_order() {
        for max_rows in [256, 5000, u64::MAX] {
            let folder = tempfile::tempdir().unwrap();
            write_examples(&folder.path().join("examples.parquet"), None);
            let metadata = run(folder.path(), 2, max_rows).unwrap();
            let rows = FeaturesReader::open(&shard(folder.path())).unwrap().flat_map(Result::unwrap);
            let ids: Vec<String> = rows.map(|row| row.example_id).collect();
            let expect = ROWS.min(max_rows as usize);
            assert_eq!(metadata.rows, expect as u64);
            assert_eq!(ids, (0..expect).map(|row| row.to_string()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_bad_row_far_into_the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write_examples(&folder.path().join("examples.parquet"), Some(9_000));
        let error = run(folder.path(), 2, u64::MAX).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert!(format!("{error:#}").starts_with("example 9000: the label `fine`"), "{error:#}");
    }
}
