//! A split's features in memory, without padding.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use model_files::BertConfig;
use shared::fault::Fault;
use shared::layout::{Split, tokenized};
use shared::metadata::TokenizeMetadata;
use shared::schema::{Features, FeaturesReader};

use crate::data::batch::{Batch, Padding};
use crate::data::masking::{Masking, asking_for};

/// Rows are numbered from 0, in the order of the files.
#[derive(Debug)]
pub struct Dataset {
    rows: Vec<Features>,
    hidden: Hidden,
    padding: Padding,
}

/// The tokens that a model has to predict.
#[derive(Debug)]
enum Hidden {
    /// None: the rows have other targets.
    Nothing,
    /// Randomly drawn tokens.
    Drawn(Masking),
    /// The mask tokens in the texts themselves, each by its best candidates.
    InTexts { mask_token_id: i32, candidates: usize },
}

impl Dataset {
    /// Reads every shard of `split`.
    ///
    /// # Errors
    /// A [`Fault::input`] where a shard is damaged or the split is empty.
    pub fn read(folder: &Path, metadata: &TokenizeMetadata, split: Split) -> Result<Dataset> {
        let shards = metadata.splits.get(&split).map_or(0, |split| split.shards);
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
                "the {split} split has no examples; give it some (`fetch.files.{split}`, `fetch.dev_fraction`), or name another corpus"
            ))
        );
        Ok(Dataset::of(rows))
    }

    pub fn of(rows: Vec<Features>) -> Dataset {
        Dataset { rows, hidden: Hidden::Nothing, padding: Padding::Longest }
    }

    /// Masks tokens in every batch, for a masked language model.
    pub fn masked(self, masking: Option<Masking>) -> Dataset {
        Dataset { hidden: masking.map_or(Hidden::Nothing, Hidden::Drawn), ..self }
    }

    /// Pads every batch as `padding` says.
    pub fn padded(self, padding: Padding) -> Dataset {
        Dataset { padding, ..self }
    }

    /// Asks for the best `candidates` at every token `mask_token_id` of the texts.
    pub fn with_masks_in_texts(self, mask_token_id: i32, candidates: usize) -> Dataset {
        Dataset { hidden: Hidden::InTexts { mask_token_id, candidates }, ..self }
    }

    /// Builds a batch of these rows. Masks follow from the row numbers and the epoch alone.
    ///
    /// # Errors
    /// As [`Batch::new`].
    pub fn batch(&self, rows: &[usize], config: &BertConfig, epoch: u64) -> Result<Batch> {
        match self.hidden {
            Hidden::Nothing => Batch::padded(self.select(rows), config, self.padding),
            Hidden::Drawn(ref masking) => {
                let hide = |&row: &usize| masking.hide(&self.rows[row], row as u64, epoch, config.vocab_size);
                let hidden: Vec<Features> = rows.iter().map(hide).collect::<Result<_>>()?;
                Batch::new(&hidden, config)
            }
            Hidden::InTexts { mask_token_id, candidates } => {
                let asking: Vec<Features> =
                    self.select(rows).map(|row| asking_for(mask_token_id, row)).collect();
                Ok(Batch { candidates: Some(candidates), ..Batch::new(&asking, config)? })
            }
        }
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

    /// The length of a row in tokens, special tokens included.
    pub fn length(&self, row: usize) -> usize {
        self.rows[row].input_ids.len()
    }

    pub fn select<'a>(&'a self, rows: &'a [usize]) -> impl Iterator<Item = &'a Features> {
        rows.iter().map(|&row| &self.rows[row])
    }

    /// Row numbers by falling length: for inference, where order is free, and memory peaks in the first batch.
    pub(crate) fn by_length(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.sort_by_key(|&row| std::cmp::Reverse(self.length(row)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use shared::schema::Targets;

    use super::*;

    #[test]
    fn inference_takes_every_row_longest_first() {
        let row = |length: usize| Features {
            example_id: String::new(),
            input_ids: vec![1; length],
            token_type_ids: vec![0; length],
            targets: Targets::Unknown,
            offsets: Vec::new(),
        };
        let dataset = Dataset::of([3, 9, 5, 1, 7].map(row).into());
        assert_eq!(dataset.by_length(), [1, 4, 2, 0, 3]);
    }
}
