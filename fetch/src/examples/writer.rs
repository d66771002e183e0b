//! The file of a split's examples.

use std::path::Path;

use anyhow::{Result, ensure};
use shared::fault::Fault;
use shared::layout::{Split, fetched};
use shared::schema::{Example, ExampleShape, ExampleWriter};

/// The number of rows in a batch.
const ROWS_AT_ONCE: usize = 4096;

/// Writes the examples of a split in batches.
pub(super) struct SplitWriter {
    split: Split,
    file: ExampleWriter,
    pending: Vec<Example>,
    rows: u64,
}

impl SplitWriter {
    pub(super) fn create(split: Split, shape: ExampleShape, output: &Path) -> Result<SplitWriter> {
        let file = ExampleWriter::create(&fetched::examples(output, split), shape)?;
        Ok(SplitWriter { split, file, pending: Vec::with_capacity(ROWS_AT_ONCE), rows: 0 })
    }

    pub(super) fn push(&mut self, example: Example) -> Result<()> {
        self.pending.push(example);
        self.rows += 1;
        if self.pending.len() == ROWS_AT_ONCE {
            self.file.write(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    /// Writes the last batch. Returns the split and its number of rows.
    ///
    /// # Errors
    /// An input fault where the split has no rows; `shown` names the raw files.
    pub(super) fn finish(mut self, shown: &str) -> Result<(Split, u64)> {
        let (split, rows) = (self.split, self.rows);
        let change = match split {
            Split::Train => "change `fetch.train_fraction` or `fetch.dev_fraction`",
            Split::Dev => "change `fetch.dev_fraction`, or give `fetch.files.dev`",
            Split::Test => "change `fetch.test_fraction`, or give `fetch.files.test`",
        };
        ensure!(rows > 0, Fault::input(format!("no row of {shown} is assigned to {split}; {change}")));
        if !self.pending.is_empty() {
            self.file.write(&self.pending)?;
        }
        self.file.finish()?;
        log::info!("{split}: {rows} examples from {shown}");
        Ok((split, rows))
    }
}
