//! A split's features in memory, without padding.

use std::path::Path;

use anyhow::{Context, Result, bail};
use shared::facts::TokenizeFacts;
use shared::fault::Fault;
use shared::layout::{Split, tokenized};
use shared::schema::{Features, FeaturesReader};

#[derive(Debug)]
pub(crate) struct Dataset {
    rows: Vec<Features>,
}

impl Dataset {
    /// Reads every shard of `split`.
    ///
    /// # Errors
    /// A [`Fault::input`] where a shard is damaged or the split is empty.
    pub(crate) fn read(folder: &Path, facts: &TokenizeFacts, split: Split) -> Result<Dataset> {
        let shards = facts.splits.get(&split).map_or(0, |split| split.shards);
        let mut rows = Vec::new();
        for shard in 0..shards {
            let path = tokenized::features(folder, split, shard, shards);
            for batch in FeaturesReader::open(&path)? {
                rows.extend(batch.with_context(|| format!("reading {}", path.display()))?);
            }
        }
        if rows.is_empty() {
            bail!(Fault::input(format!(
                "the {split} split is empty; train needs examples in train and dev (see `fetch.dev_fraction`)"
            )));
        }
        Ok(Dataset { rows })
    }

    #[cfg(test)]
    pub(crate) fn of(rows: Vec<Features>) -> Dataset {
        Dataset { rows }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// In tokens, special tokens included.
    pub(crate) fn length(&self, row: usize) -> usize {
        self.rows[row].input_ids.len()
    }

    pub(crate) fn select<'a>(&'a self, rows: &'a [usize]) -> impl Iterator<Item = &'a Features> {
        rows.iter().map(|&row| &self.rows[row])
    }
}
