//! Which units a step drops: Srivastava et al., 2014, <https://jmlr.org/papers/v15/srivastava14a.html>.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use rayon::prelude::*;

/// Numbers that are drawn at a time, each run of them from a stream of its own.
const CHUNK: usize = 1 << 13;

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
}

impl MaskKey {
    /// Fills `mask` with 0, at `rate` to the nearest of 65,536 parts, and with what keeps the mean at 1.
    pub(crate) fn fill(self, site: Site, rate: f64, mask: &mut [f32]) {
        let dropped = (rate * 65_536.0).round().min(65_535.0);
        let kept = (65_536.0 / (65_536.0 - dropped)) as f32;
        let dropped = dropped as u16;
        let mut seed = [0; 32];
        let parts = [self.seed, self.step, self.part, site.number()];
        seed.chunks_exact_mut(8)
            .zip(parts)
            .for_each(|(bytes, part)| bytes.copy_from_slice(&part.to_le_bytes()));
        mask.par_chunks_mut(CHUNK).enumerate().for_each(|(stream, mask)| {
            let mut random = ChaCha8Rng::from_seed(seed);
            random.set_stream(stream as u64);
            let mut bytes = [0; 2 * CHUNK];
            random.fill_bytes(&mut bytes[..2 * mask.len()]);
            for (value, pair) in mask.iter_mut().zip(bytes.chunks_exact(2)) {
                *value = if u16::from_le_bytes([pair[0], pair[1]]) < dropped { 0.0 } else { kept };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: MaskKey = MaskKey { seed: 7, step: 3, part: 0 };

    fn mask(key: MaskKey, site: Site, rate: f64) -> Vec<f32> {
        let mut mask = vec![f32::NAN; 3 * CHUNK + 5];
        key.fill(site, rate, &mut mask);
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
        let others = [MaskKey { seed: 8, ..KEY }, MaskKey { step: 4, ..KEY }, MaskKey { part: 1, ..KEY }];
        others.iter().for_each(|&key| assert_ne!(mask(key, Site::Attention(1), 0.5), expect));
        let sites = [Site::Embeddings, Site::Attention(0), Site::AttentionOutput(1), Site::Output(1)];
        sites.iter().for_each(|&site| assert_ne!(mask(KEY, site, 0.5), expect));
        assert_ne!(expect[..CHUNK], expect[CHUNK..2 * CHUNK]);
    }
}
