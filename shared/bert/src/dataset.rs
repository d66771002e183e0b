//! A split's features in memory, without padding.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use shared::facts::TokenizeFacts;
use shared::fault::Fault;
use shared::layout::{Split, tokenized};
use shared::schema::{Features, FeaturesReader};

/// Rows are numbered from 0, in the order of the files.
#[derive(Debug)]
pub struct Dataset {
    rows: Vec<Features>,
}

impl Dataset {
    /// Reads every shard of `split`.
    ///
    /// # Errors
    /// A [`Fault::input`] where a shard is damaged or the split is empty.
    pub fn read(folder: &Path, facts: &TokenizeFacts, split: Split) -> Result<Dataset> {
        let shards = facts.splits.get(&split).map_or(0, |split| split.shards);
        let mut rows = Vec::new();
        for shard in 0..shards {
            let path = tokenized::features(folder, split, shard, shards);
            for batch in FeaturesReader::open(&path)? {
                rows.extend(batch.with_context(|| format!("reading {}", path.display()))?);
            }
        }
        ensure!(
            !rows.is_empty(),
            Fault::input(format!(
                "the {split} split has no examples; see `fetch.files` and `fetch.dev_fraction`"
            ))
        );
        Ok(Dataset { rows })
    }

    pub fn of(rows: Vec<Features>) -> Dataset {
        Dataset { rows }
    }

    pub fn rows(&self) -> &[Features] {
        &self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// In tokens, special tokens included.
    pub fn length(&self, row: usize) -> usize {
        self.rows[row].input_ids.len()
    }

    pub fn select<'a>(&'a self, rows: &'a [usize]) -> impl Iterator<Item = &'a Features> {
        rows.iter().map(|&row| &self.rows[row])
    }

    /// Row numbers, those of the longest first: for inference, where order is free, and so that memory peaks at once
    /// or never.
    pub(crate) fn by_length(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.sort_by_key(|&row| std::cmp::Reverse(self.length(row)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inference_takes_every_row_longest_first() {
        let row = |length: usize| Features {
            example_id: String::new(),
            input_ids: vec![1; length],
            token_type_ids: vec![0; length],
            label: 0,
        };
        let dataset = Dataset::of([3, 9, 5, 1, 7].map(row).into());
        assert_eq!(dataset.by_length(), [1, 4, 2, 0, 3]);
    }
}
