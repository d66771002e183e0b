//! Which examples meet in which step.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use shared::config::BatchOrder;

use bert::Dataset;

/// Batches of a window are sorted by length together; wide enough that lengths are alike, and far smaller than an
/// epoch, so that an order is still random.
const WINDOW_BATCHES: usize = 50;

/// The batches of every epoch, by seed.
#[derive(Debug)]
pub(crate) struct Batches {
    lengths: Vec<usize>,
    batch_size: usize,
    order: BatchOrder,
    seed: u64,
    /// The epoch that was asked for last, from 0, and its batches.
    current: Option<(u64, Vec<Vec<usize>>)>,
}

impl Batches {
    pub(crate) fn new(dataset: &Dataset, batch_size: usize, order: BatchOrder, seed: u64) -> Batches {
        let lengths = (0..dataset.len()).map(|row| dataset.length(row)).collect();
        Batches { lengths, batch_size, order, seed, current: None }
    }

    /// The last, smaller batch included.
    pub(crate) fn per_epoch(&self) -> u64 {
        self.lengths.len().div_ceil(self.batch_size) as u64
    }

    /// Rows of the batch of `step`, counted from 0.
    pub(crate) fn of_step(&mut self, step: u64) -> &[usize] {
        let (epoch, position) = (step / self.per_epoch(), step % self.per_epoch());
        let batches = match self.current.take() {
            Some((current, batches)) if current == epoch => batches,
            _ => self.of_epoch(epoch),
        };
        let (_, batches) = self.current.insert((epoch, batches));
        &batches[position as usize]
    }

    /// Rows of every batch of `epoch`, counted from 0. Every row stands in exactly one.
    fn of_epoch(&self, epoch: u64) -> Vec<Vec<usize>> {
        // One stream an epoch: an epoch's order does not depend on those before it.
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(epoch);
        let mut rows: Vec<usize> = (0..self.lengths.len()).collect();
        if self.order != BatchOrder::Sequential {
            rows.shuffle(&mut rng);
        }
        if self.order == BatchOrder::GroupedByLength {
            for window in rows.chunks_mut(WINDOW_BATCHES * self.batch_size) {
                window.sort_by_key(|&row| self.lengths[row]);
            }
        }
        let mut batches: Vec<Vec<usize>> = rows.chunks(self.batch_size).map(<[usize]>::to_vec).collect();
        if self.order == BatchOrder::GroupedByLength {
            batches.shuffle(&mut rng);
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

    fn padding(dataset: &Dataset, batches: &[Vec<usize>]) -> usize {
        let of = |batch: &Vec<usize>| {
            let longest = batch.iter().map(|&row| dataset.length(row)).max().unwrap();
            batch.iter().map(|&row| longest - dataset.length(row)).sum::<usize>()
        };
        batches.iter().map(of).sum()
    }

    fn check(order: BatchOrder) {
        let dataset = dataset(1003);
        let batches = Batches::new(&dataset, 10, order, 7);
        let first = batches.of_epoch(0);
        assert_eq!(first.len() as u64, batches.per_epoch());
        assert_eq!(first.iter().filter(|batch| batch.len() == 3).count(), 1);
        let mut rows = first.concat();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..1003), "{order:?}: a row is missing or doubled");
        assert_eq!(first, batches.of_epoch(0));
        assert_ne!(first, batches.of_epoch(1));
        assert_ne!(first, Batches::new(&dataset, 10, order, 8).of_epoch(0));
    }

    #[test]
    fn every_row_once_an_epoch_by_seed() {
        check(BatchOrder::Random);
        check(BatchOrder::GroupedByLength);
    }

    #[test]
    fn sequential_batches_follow_the_file() {
        let batches = Batches::new(&dataset(7), 3, BatchOrder::Sequential, 7);
        assert_eq!(batches.of_epoch(1), [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
    }

    #[test]
    fn steps_go_through_the_epochs() {
        let mut batches = Batches::new(&dataset(25), 10, BatchOrder::Random, 7);
        let expect = [batches.of_epoch(0), batches.of_epoch(1)].concat();
        let check =
            |batches: &mut Batches, step: usize| assert_eq!(batches.of_step(step as u64), expect[step]);
        (0..6).for_each(|step| check(&mut batches, step));
        check(&mut batches, 2);
    }

    #[test]
    fn grouping_saves_padding() {
        let dataset = dataset(1000);
        let of = |order| padding(&dataset, &Batches::new(&dataset, 10, order, 7).of_epoch(0));
        assert!(of(BatchOrder::GroupedByLength) * 5 < of(BatchOrder::Random));
    }
}
