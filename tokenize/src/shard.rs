//! The features of a split in files with a fixed number of rows.

use std::path::PathBuf;
use std::{fs, mem};

use anyhow::{Context, Result};
use shared::layout::{Split, tokenized};
use shared::schema::{Features, FeaturesWriter, TargetKind};

/// The number of rows in every shard but the last.
pub(crate) const ROWS_PER_SHARD: u64 = 1_000_000;

/// The layout of a split's features on disk.
#[derive(Debug, Clone)]
pub(crate) struct ShardPlan {
    /// Tokenize's folder.
    pub(crate) folder: PathBuf,
    pub(crate) split: Split,
    pub(crate) rows_per_shard: u64,
    pub(crate) max_seq_length: usize,
    pub(crate) pad_token_id: u32,
    pub(crate) targets: TargetKind,
}

impl ShardPlan {
    fn open(&self, index: usize) -> Result<FeaturesWriter> {
        let path = tokenized::growing(&self.folder, self.split, index);
        FeaturesWriter::create(&path, self.max_seq_length, self.pad_token_id, self.targets)
    }
}

/// Writes rows to one shard after the other. Shards get their final names at the end, since the names contain the number
/// of shards.
pub(crate) struct ShardWriter {
    plan: ShardPlan,
    index: usize,
    /// The number of rows that the current shard can still take.
    room: u64,
    current: FeaturesWriter,
}

impl ShardWriter {
    pub(crate) fn create(plan: ShardPlan) -> Result<ShardWriter> {
        Ok(ShardWriter { index: 0, room: plan.rows_per_shard, current: plan.open(0)?, plan })
    }

    pub(crate) fn write(&mut self, mut rows: &[Features]) -> Result<()> {
        while !rows.is_empty() {
            if self.room == 0 {
                self.next_shard()?;
            }
            let fitting = usize::try_from(self.room)?.min(rows.len());
            let (now, later) = rows.split_at(fitting);
            self.current.write(now)?;
            self.room -= now.len() as u64;
            rows = later;
        }
        Ok(())
    }

    fn next_shard(&mut self) -> Result<()> {
        let next = self.plan.open(self.index + 1)?;
        mem::replace(&mut self.current, next).finish()?;
        self.index += 1;
        self.room = self.plan.rows_per_shard;
        Ok(())
    }

    /// Renames the shards and returns their number. An empty split has one empty file, so that a reader finds the columns.
    pub(crate) fn finish(self) -> Result<usize> {
        self.current.finish()?;
        let (ShardPlan { folder, split, .. }, count) = (&self.plan, self.index + 1);
        for index in 0..count {
            let from = tokenized::growing(folder, *split, index);
            let context = || format!("cannot rename {}", from.display());
            fs::rename(&from, tokenized::features(folder, *split, index, count)).with_context(context)?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::schema::{FeaturesReader, Targets};

    use super::*;

    fn plan(folder: &Path) -> ShardPlan {
        ShardPlan {
            folder: folder.to_owned(),
            split: Split::Dev,
            rows_per_shard: 3,
            max_seq_length: 4,
            pad_token_id: 0,
            targets: TargetKind::Class,
        }
    }

    fn rows(count: usize) -> Vec<Features> {
        let row = |id: usize| Features {
            example_id: id.to_string(),
            input_ids: vec![id as i32],
            token_type_ids: vec![0],
            targets: Targets::Class(0),
            offsets: Vec::new(),
        };
        (0..count).map(row).collect()
    }

    fn check(count: usize, batch: usize, shards: &[usize]) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = ShardWriter::create(plan(folder.path())).unwrap();
        rows(count).chunks(batch).for_each(|batch| writer.write(batch).unwrap());
        assert_eq!(writer.finish().unwrap(), shards.len());
        let mut read = Vec::new();
        for (index, &expect) in shards.iter().enumerate() {
            let path = tokenized::features(folder.path(), Split::Dev, index, shards.len());
            let shard: Vec<Features> =
                FeaturesReader::open(&path).unwrap().flat_map(Result::unwrap).collect();
            assert_eq!(shard.len(), expect, "shard {index}");
            read.extend(shard);
        }
        assert_eq!(read, rows(count));
    }

    #[test]
    fn rows_fill_one_shard_after_the_other() {
        check(7, 2, &[3, 3, 1]);
        check(7, 7, &[3, 3, 1]);
        check(6, 4, &[3, 3]);
        check(1, 1, &[1]);
        check(0, 1, &[0]);
    }
}
