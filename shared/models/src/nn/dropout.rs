//! The keys of dropout's masks: seed, step and place in the network.

use kernels::DropoutMask;

/// The source of dropout's masks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Masks {
    /// Drawn from the key, in parallel. libtorch draws on the CPU one number after the other.
    Keyed(MaskKey),
    /// Drawn by the device's own generator, seeded for the step: on a GPU it costs nearly nothing.
    Device,
}

/// All that a mask depends on beside its place in the network: neither the number of threads nor earlier draws.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaskKey {
    pub(crate) seed: u64,
    pub(crate) step: u64,
    /// The number of the part of the step's batch.
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

    /// The length of the rows that a mask of `shape` is drawn in: a token's units, or a head's attention probabilities.
    pub(crate) fn row_length(self, shape: &[usize]) -> usize {
        let dimensions = if matches!(self, Site::Attention(_)) { 2 } else { 1 };
        shape.iter().rev().take(dimensions).product()
    }
}

impl MaskKey {
    /// The mask of one place, where units are dropped at `rate`, rounded to a multiple of 1/65,536.
    pub(crate) fn mask(self, site: Site, rate: f64) -> DropoutMask {
        let [seed, step] = [self.seed, self.step].map(|word| [word as u32, (word >> 32) as u32]);
        // 16 bits each: no model has as many places, no batch as many parts.
        let place = (site.number() ^ (self.part << 16)) as u32;
        DropoutMask::new([seed[0], seed[1] ^ step[1]], [place, step[0]], rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: MaskKey = MaskKey { seed: 7, step: 3, part: 0 };
    const LENGTH: usize = 389;

    fn mask(key: MaskKey, site: Site) -> Vec<f32> {
        let mut mask = vec![f32::NAN; 50 * LENGTH];
        key.mask(site, 0.5).fill(LENGTH, &mut mask);
        mask
    }

    #[test]
    fn masks_depend_on_every_part_of_their_key_and_on_their_place() {
        let expect = mask(KEY, Site::Attention(1));
        assert_eq!(mask(KEY, Site::Attention(1)), expect);
        let others = [
            MaskKey { seed: 8, ..KEY },
            MaskKey { seed: 7 + (1 << 32), ..KEY },
            MaskKey { step: 4, ..KEY },
            MaskKey { part: 1, ..KEY },
        ];
        others.iter().for_each(|&key| assert_ne!(mask(key, Site::Attention(1)), expect));
        let sites = [Site::Embeddings, Site::Attention(0), Site::AttentionOutput(1), Site::Output(1)];
        sites.iter().for_each(|&site| assert_ne!(mask(KEY, site), expect));
    }
}
