//! A split's features, cut into files of a fixed number of rows.

use std::mem;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use shared::layout::{Split, tokenized};
use shared::schema::{Features, FeaturesWriter};

/// Rows of every shard but the last.
pub(crate) const ROWS_PER_SHARD: u64 = 1_000_000;

/// How the features of a split lie on disk.
#[derive(Debug, Clone)]
pub(crate) struct ShardPlan {
    /// Tokenize's folder.
    pub(crate) folder: PathBuf,
    pub(crate) split: Split,
    /// Rows of the whole split.
    pub(crate) rows: u64,
    pub(crate) rows_per_shard: u64,
    pub(crate) max_seq_length: usize,
    pub(crate) pad_token_id: u32,
}

impl ShardPlan {
    /// The number of files. An empty split is one empty file, so that a reader finds its columns.
    pub(crate) fn count(&self) -> Result<usize> {
        Ok(usize::try_from(self.rows.div_ceil(self.rows_per_shard).max(1))?)
    }

    fn open(&self, index: usize) -> Result<FeaturesWriter> {
        let count = self.count()?;
        ensure!(index < count, "more than {} rows in {}", self.rows, self.split);
        let path = tokenized::features(Path::new(&self.folder), self.split, index, count);
        FeaturesWriter::create(&path, self.max_seq_length, self.pad_token_id)
    }
}

/// Writes rows to one shard after the other.
pub(crate) struct ShardWriter {
    plan: ShardPlan,
    index: usize,
    /// Rows that the current shard still takes.
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

    /// # Errors
    /// Where fewer rows came than were planned, besides those of writing.
    pub(crate) fn finish(self) -> Result<()> {
        let written = self.index as u64 * self.plan.rows_per_shard + self.plan.rows_per_shard - self.room;
        ensure!(written == self.plan.rows, "{written} of {} rows in {}", self.plan.rows, self.plan.split);
        self.current.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::schema::FeaturesReader;

    fn plan(folder: &Path, rows: u64) -> ShardPlan {
        ShardPlan {
            folder: folder.to_owned(),
            split: Split::Dev,
            rows,
            rows_per_shard: 3,
            max_seq_length: 4,
            pad_token_id: 0,
        }
    }

    fn rows(count: usize) -> Vec<Features> {
        let row = |id: usize| Features {
            example_id: id.to_string(),
            input_ids: vec![id as i32],
            token_type_ids: vec![0],
            label: 0,
        };
        (0..count).map(row).collect()
    }

    fn check(count: usize, batch: usize, shards: &[usize]) {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path(), count as u64);
        assert_eq!(plan.count().unwrap(), shards.len());
        let mut writer = ShardWriter::create(plan).unwrap();
        rows(count).chunks(batch).for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
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
    fn rows_fill_shard_after_shard() {
        check(7, 2, &[3, 3, 1]);
        check(7, 7, &[3, 3, 1]);
        check(6, 4, &[3, 3]);
        check(1, 1, &[1]);
        check(0, 1, &[0]);
    }

    #[test]
    fn another_number_of_rows_than_planned_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = ShardWriter::create(plan(folder.path(), 3)).unwrap();
        assert!(writer.write(&rows(4)).is_err());
        let mut writer = ShardWriter::create(plan(folder.path(), 3)).unwrap();
        writer.write(&rows(2)).unwrap();
        assert!(writer.finish().is_err());
    }
}
