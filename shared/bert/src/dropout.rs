//! Which units a step drops: Srivastava et al., 2014, <https://jmlr.org/papers/v15/srivastava14a.html>.

use rayon::prelude::*;

use crate::philox::{self, LANES};

/// Numbers that one group of blocks gives: 4 words of 2 halves a lane.
const GROUP: usize = 8 * LANES;

/// Where masks come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Masks {
    /// From the key, in parallel. libtorch draws on the CPU one number after the other.
    Keyed(MaskKey),
    /// From the device's own generator, seeded for the step: on a GPU it costs nearly nothing.
    Device,
}

/// All that a mask follows from, beside its place in the network: not the number of threads, and nothing that was
/// drawn before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaskKey {
    pub(crate) seed: u64,
    pub(crate) step: u64,
    /// Of the step's batch.
    pub(crate) part: u64,
}

/// A place in the network; layers are counted from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Site {
    Embeddings,
    HeadInput,
    HeadOutput,
    Attention(usize),
    AttentionOutput(usize),
    Output(usize),
}

impl Site {
    fn number(self) -> u64 {
        match self {
            Site::Embeddings => 0,
            Site::HeadInput => 1,
            Site::HeadOutput => 2,
            Site::Attention(layer) => 3 + 3 * layer as u64,
            Site::AttentionOutput(layer) => 4 + 3 * layer as u64,
            Site::Output(layer) => 5 + 3 * layer as u64,
        }
    }

    /// The numbers of a mask of `shape` that are drawn as one row: a token's units, or a head's attention weights.
    pub(crate) fn row_length(self, shape: &[usize]) -> usize {
        let dimensions = if matches!(self, Site::Attention(_)) { 2 } else { 1 };
        shape.iter().rev().take(dimensions).product()
    }
}

/// The mask of one place, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowMasks {
    key: [u32; 2],
    /// The two words of a block's counter that are the same all over the mask.
    place: [u32; 2],
    /// 65,536 draws drop so many units.
    dropped: u16,
    /// What a unit that stays is multiplied by, so that the mean is kept.
    kept: f32,
}

impl MaskKey {
    /// Units are dropped at `rate`, to the nearest of 65,536 parts.
    pub(crate) fn rows(self, site: Site, rate: f64) -> RowMasks {
        let dropped = (rate * 65_536.0).round().clamp(0.0, 65_535.0);
        let [seed, step] = [self.seed, self.step].map(|word| [word as u32, (word >> 32) as u32]);
        RowMasks {
            key: [seed[0], seed[1] ^ step[1]],
            // 16 bits each: no model has as many places, no batch as many parts.
            place: [(site.number() ^ (self.part << 16)) as u32, step[0]],
            dropped: dropped as u16,
            kept: (65_536.0 / (65_536.0 - dropped)) as f32,
        }
    }
}

impl RowMasks {
    /// What a unit that stays is multiplied by.
    #[cfg(feature = "libtorch")]
    pub(crate) fn kept(self) -> f32 {
        self.kept
    }

    /// 0 for what is dropped of row number `row`, and for the rest what keeps the mean.
    #[inline(always)]
    pub(crate) fn fill(&self, row: usize, mask: &mut [f32]) {
        for (group, values) in mask.chunks_mut(GROUP).enumerate() {
            let lanes = std::array::from_fn(|lane| (group * LANES + lane) as u32);
            let counter = [lanes, [row as u32; LANES], [self.place[0]; LANES], [self.place[1]; LANES]];
            let drawn = philox::blocks(counter, self.key);
            let halves = drawn.iter().flat_map(|word| [(word, 0), (word, 16)]);
            for (values, (word, shift)) in values.chunks_mut(LANES).zip(halves) {
                for (value, word) in values.iter_mut().zip(word) {
                    let number = (word >> shift) & 0xFFFF;
                    *value = if number < u32::from(self.dropped) { 0.0 } else { self.kept };
                }
            }
        }
    }

    /// The same for all rows of `length`, in parallel.
    pub(crate) fn fill_all(&self, length: usize, mask: &mut [f32]) {
        let rows = mask.par_chunks_mut(length.max(1)).enumerate();
        rows.for_each(|(row, mask)| self.fill(row, mask));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: MaskKey = MaskKey { seed: 7, step: 3, part: 0 };
    const LENGTH: usize = 3 * GROUP + 5;

    fn mask(key: MaskKey, site: Site, rate: f64) -> Vec<f32> {
        let mut mask = vec![f32::NAN; 50 * LENGTH];
        key.rows(site, rate).fill_all(LENGTH, &mut mask);
        mask
    }

    fn check_rate(rate: f64) {
        let mask = mask(KEY, Site::Output(2), rate);
        let dropped = mask.iter().filter(|&&value| value == 0.0).count() as f64 / mask.len() as f64;
        // Six standard deviations of so many draws.
        let tolerance = 6.0 * (rate * (1.0 - rate) / mask.len() as f64).sqrt() + 1e-9;
        assert!((dropped - rate).abs() <= tolerance, "{dropped} were dropped at {rate}");
        let expect = (1.0 / (1.0 - rate)) as f32;
        assert!(mask.iter().all(|&value| value == 0.0 || (value / expect - 1.0).abs() < 1e-4));
    }

    #[test]
    fn so_many_are_dropped_and_the_mean_stays() {
        [0.0, 0.1, 0.5, 0.9].into_iter().for_each(check_rate);
    }

    #[test]
    fn a_mask_follows_from_its_key_and_place_alone() {
        let expect = mask(KEY, Site::Attention(1), 0.5);
        assert_eq!(mask(KEY, Site::Attention(1), 0.5), expect);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(|| mask(KEY, Site::Attention(1), 0.5)), expect);
        let others = [
            MaskKey { seed: 8, ..KEY },
            MaskKey { seed: 7 + (1 << 32), ..KEY },
            MaskKey { step: 4, ..KEY },
            MaskKey { part: 1, ..KEY },
        ];
        others.iter().for_each(|&key| assert_ne!(mask(key, Site::Attention(1), 0.5), expect));
        let sites = [Site::Embeddings, Site::Attention(0), Site::AttentionOutput(1), Site::Output(1)];
        sites.iter().for_each(|&site| assert_ne!(mask(KEY, site, 0.5), expect));
        assert_ne!(expect[..GROUP], expect[GROUP..2 * GROUP]);
        assert_ne!(expect[..GROUP], expect[LENGTH..LENGTH + GROUP]);
    }
}
