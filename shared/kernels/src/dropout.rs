//! Dropout masks (Srivastava et al., 2014, <https://jmlr.org/papers/v15/srivastava14a.html>), drawn by Philox.

use rayon::prelude::*;

use crate::philox::{self, LANES};

/// Draws of one group of blocks: 4 words of 2 halves a lane.
const GROUP: usize = 8 * LANES;

/// The dropout mask of one place in the network. Each row is drawn from the key, the counter and its number alone.
#[derive(Debug, Clone, Copy)]
pub struct DropoutMask {
    key: [u32; 2],
    /// The words of a block's counter that are equal all over the mask.
    counter: [u32; 2],
    /// A unit is dropped if its draw, of 16 bits, is below it.
    threshold: u16,
    keep_scale: f32,
}

impl DropoutMask {
    /// Units are dropped at `rate`, rounded to a multiple of 1/65,536.
    pub fn new(key: [u32; 2], counter: [u32; 2], rate: f64) -> DropoutMask {
        let threshold = (rate * 65_536.0).round().clamp(0.0, 65_535.0);
        let keep_scale = (65_536.0 / (65_536.0 - threshold)) as f32;
        DropoutMask { key, counter, threshold: threshold as u16, keep_scale }
    }

    /// The factor of units that stay: it keeps the mean.
    pub fn keep_scale(self) -> f32 {
        self.keep_scale
    }

    /// Writes the factors of row number `row`: 0 for dropped units, [`DropoutMask::keep_scale`] for the others.
    #[inline(always)]
    pub fn fill_row(&self, row: usize, mask: &mut [f32]) {
        for (group, values) in mask.chunks_mut(GROUP).enumerate() {
            let lanes = std::array::from_fn(|lane| (group * LANES + lane) as u32);
            let counter = [lanes, [row as u32; LANES], [self.counter[0]; LANES], [self.counter[1]; LANES]];
            let drawn = philox::blocks(counter, self.key);
            let halves = drawn.iter().flat_map(|word| [(word, 0), (word, 16)]);
            for (values, (word, shift)) in values.chunks_mut(LANES).zip(halves) {
                for (value, word) in values.iter_mut().zip(word) {
                    let draw = (word >> shift) & 0xFFFF;
                    *value = if draw < u32::from(self.threshold) { 0.0 } else { self.keep_scale };
                }
            }
        }
    }

    /// [`DropoutMask::fill_row`] for all rows of `row_length`, in parallel.
    pub fn fill(&self, row_length: usize, mask: &mut [f32]) {
        let rows = mask.par_chunks_mut(row_length.max(1)).enumerate();
        rows.for_each(|(row, mask)| self.fill_row(row, mask));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::on_threads;

    const LENGTH: usize = 3 * GROUP + 5;

    fn mask(rate: f64) -> Vec<f32> {
        let mut mask = vec![f32::NAN; 50 * LENGTH];
        DropoutMask::new([7, 0], [8, 3], rate).fill(LENGTH, &mut mask);
        mask
    }

    fn check_rate(rate: f64) {
        let mask = mask(rate);
        let dropped = mask.iter().filter(|&&value| value == 0.0).count() as f64 / mask.len() as f64;
        // Six standard deviations.
        let tolerance = 6.0 * (rate * (1.0 - rate) / mask.len() as f64).sqrt() + 1e-9;
        assert!((dropped - rate).abs() <= tolerance, "{dropped} were dropped at {rate}");
        let expect = (1.0 / (1.0 - rate)) as f32;
        assert!(mask.iter().all(|&value| value == 0.0 || (value / expect - 1.0).abs() < 1e-4));
    }

    #[test]
    fn units_are_dropped_at_the_rate_and_the_mean_stays() {
        [0.0, 0.1, 0.5, 0.9].into_iter().for_each(check_rate);
    }

    #[test]
    fn masks_do_not_depend_on_the_number_of_threads() {
        let expect = mask(0.5);
        assert_eq!(on_threads(3, || mask(0.5)), expect);
        assert_ne!(expect[..GROUP], expect[GROUP..2 * GROUP]);
        assert_ne!(expect[..GROUP], expect[LENGTH..LENGTH + GROUP]);
    }
}
