//! The batches of an epoch.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use shared::config::{BatchLimit, BatchOrder};

use models::Dataset;

/// Batches of a window, whose rows are sorted by length together: wide enough for batches of like lengths, and far smaller
/// than an epoch, so that the order is still random.
const WINDOW_BATCHES: usize = 50;

/// The input of an epoch's batches, beside its number.
#[derive(Debug)]
pub(crate) struct Plan {
    lengths: Vec<usize>,
    limit: BatchLimit,
    order: BatchOrder,
    seed: u64,
}

impl Plan {
    pub(crate) fn new(dataset: &Dataset, limit: BatchLimit, order: BatchOrder, seed: u64) -> Plan {
        let lengths = (0..dataset.len()).map(|row| dataset.length(row)).collect();
        Plan { lengths, limit, order, seed }
    }

    pub(crate) fn rows(&self) -> usize {
        self.lengths.len()
    }

    /// The number of batches, where it is the same in all epochs.
    pub(crate) fn batches_of_any_epoch(&self) -> Option<u64> {
        match (self.limit.tokens, self.order) {
            (None, _) => Some(self.rows().div_ceil(self.limit.rows) as u64),
            (Some(_), BatchOrder::Sequential) => Some(self.of_epoch(0).len() as u64),
            (Some(_), BatchOrder::Random | BatchOrder::GroupedByLength) => None,
        }
    }

    /// The rows of every batch of `epoch`, counted from 0. Every row is in exactly one batch.
    pub(crate) fn of_epoch(&self, epoch: u64) -> Vec<Vec<usize>> {
        // One stream an epoch: an epoch's order does not depend on those before it.
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(epoch);
        let mut rows: Vec<usize> = (0..self.rows()).collect();
        if self.order != BatchOrder::Sequential {
            rows.shuffle(&mut rng);
        }
        if self.order != BatchOrder::GroupedByLength {
            return self.cut(&rows);
        }
        // Cut window by window: the longest rows of one do not meet the shortest of the next.
        let mut batches = Vec::new();
        for window in rows.chunks_mut(self.window()) {
            window.sort_by_key(|&row| self.lengths[row]);
            batches.extend(self.cut(window));
        }
        batches.shuffle(&mut rng);
        batches
    }

    /// The share of padding among the first epoch's tokens, from 0 to 1.
    pub(crate) fn padding(&self) -> f64 {
        let padded: usize = self.of_epoch(0).iter().map(|batch| self.padded(batch)).sum();
        1.0 - self.lengths.iter().sum::<usize>() as f64 / padded.max(1) as f64
    }

    /// The tokens of a batch, padding included.
    fn padded(&self, batch: &[usize]) -> usize {
        batch.len() * batch.iter().map(|&row| self.lengths[row]).max().unwrap_or(0)
    }

    /// The window in rows, for batches of the mean length.
    fn window(&self) -> usize {
        let mean = self.lengths.iter().sum::<usize>().div_ceil(self.rows().max(1));
        WINDOW_BATCHES.saturating_mul(self.limit.rows_of(mean))
    }

    /// `rows` in batches, each as large as the limit allows.
    fn cut(&self, mut rows: &[usize]) -> Vec<Vec<usize>> {
        let mut batches = Vec::new();
        while !rows.is_empty() {
            let mut longest = 0;
            let fits = |&(index, &row): &(usize, &usize)| {
                longest = longest.max(self.lengths[row]);
                index < self.limit.rows_of(longest)
            };
            let fitting = rows.iter().enumerate().take_while(fits).count();
            let (batch, rest) = rows.split_at(fitting);
            batches.push(batch.to_vec());
            rows = rest;
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use shared::schema::Features;

    use super::*;

    fn dataset(rows: usize) -> Dataset {
        let row = |index: usize| Features {
            example_id: index.to_string(),
            input_ids: vec![1; 1 + index * 7 % 40],
            token_type_ids: vec![0; 1 + index * 7 % 40],
            targets: shared::schema::Targets::Class(0),
            offsets: Vec::new(),
        };
        Dataset::of((0..rows).map(row).collect())
    }

    fn by_rows(rows: usize) -> BatchLimit {
        BatchLimit { rows, tokens: None }
    }

    fn by_tokens(tokens: usize) -> BatchLimit {
        BatchLimit { rows: usize::MAX, tokens: Some(tokens) }
    }

    fn check_by_seed(order: BatchOrder, limit: BatchLimit) {
        let dataset = dataset(1003);
        let plan = Plan::new(&dataset, limit, order, 7);
        let first = plan.of_epoch(0);
        let mut rows = first.concat();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..1003), "{order:?}: a row is missing or doubled");
        assert_eq!(first, plan.of_epoch(0));
        assert_ne!(first, plan.of_epoch(1));
        assert_ne!(first, Plan::new(&dataset, limit, order, 8).of_epoch(0));
    }

    #[test]
    fn every_row_once_an_epoch_by_seed() {
        for order in [BatchOrder::Random, BatchOrder::GroupedByLength] {
            check_by_seed(order, by_rows(10));
            check_by_seed(order, by_tokens(200));
        }
    }

    #[test]
    fn batches_by_rows_are_full_but_one() {
        for order in [BatchOrder::Sequential, BatchOrder::Random, BatchOrder::GroupedByLength] {
            let plan = Plan::new(&dataset(1003), by_rows(10), order, 7);
            let sizes: Vec<usize> = plan.of_epoch(0).iter().map(Vec::len).collect();
            assert_eq!(plan.batches_of_any_epoch(), Some(sizes.len() as u64));
            assert_eq!(sizes.iter().filter(|&&size| size == 10).count(), 100, "{order:?}: {sizes:?}");
            assert_eq!(sizes.iter().filter(|&&size| size == 3).count(), 1, "{order:?}: {sizes:?}");
        }
    }

    #[test]
    fn sequential_batches_follow_the_file() {
        let dataset = dataset(7);
        let check = |limit, expect: &[&[usize]]| {
            let plan = Plan::new(&dataset, limit, BatchOrder::Sequential, 7);
            assert_eq!(plan.of_epoch(1), expect);
            assert_eq!(plan.batches_of_any_epoch(), Some(expect.len() as u64));
        };
        // The rows have 1, 8, 15, 22, 29, 36 and 3 tokens.
        check(by_rows(3), &[&[0, 1, 2], &[3, 4, 5], &[6]]);
        check(by_tokens(45), &[&[0, 1, 2], &[3], &[4], &[5], &[6]]);
        check(by_tokens(72), &[&[0, 1, 2], &[3, 4], &[5, 6]]);
        check(BatchLimit { rows: 2, tokens: Some(45) }, &[&[0, 1], &[2, 3], &[4], &[5], &[6]]);
        let padding = Plan::new(&dataset, by_rows(3), BatchOrder::Sequential, 7).padding();
        assert_eq!(padding, 1.0 - 114.0 / (3.0 * 15.0 + 3.0 * 36.0 + 3.0));
        // A row that exceeds the budget is a batch of its own.
        check(by_tokens(1), &[&[0], &[1], &[2], &[3], &[4], &[5], &[6]]);
    }

    #[test]
    fn a_token_budget_holds_and_is_used() {
        let dataset = dataset(1003);
        for order in [BatchOrder::Random, BatchOrder::GroupedByLength] {
            let plan = Plan::new(&dataset, by_tokens(400), order, 7);
            let sizes: Vec<usize> = plan.of_epoch(0).iter().map(|batch| plan.padded(batch)).collect();
            assert!(sizes.iter().all(|&size| size <= 400), "{order:?}");
            let mean = sizes.iter().sum::<usize>() / sizes.len();
            assert!(mean > 350, "{order:?}: {mean}");
        }
    }

    #[test]
    fn grouping_saves_padding() {
        let dataset = dataset(1000);
        let tokens: usize = (0..1000).map(|row| dataset.length(row)).sum();
        for limit in [by_rows(10), by_tokens(200)] {
            let padding = |order| {
                let plan = Plan::new(&dataset, limit, order, 7);
                plan.of_epoch(0).iter().map(|batch| plan.padded(batch)).sum::<usize>() - tokens
            };
            assert!(padding(BatchOrder::GroupedByLength) * 5 < padding(BatchOrder::Random), "{limit:?}");
        }
    }
}
