//! The counter-based random numbers of Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3" (SC '11):
//! Philox4x32-10. Every block is computed from its counter alone, many at a time.

/// Blocks that are computed side by side: one vector register of words.
pub(crate) const LANES: usize = 16;

const ROUNDS: usize = 10;
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// The four words of `LANES` blocks; `counter` holds the four words of each block's counter.
#[inline(always)]
pub(crate) fn blocks(mut counter: [[u32; LANES]; 4], mut key: [u32; 2]) -> [[u32; LANES]; 4] {
    for _ in 0..ROUNDS {
        let [mut low, mut high] = [[[0; LANES]; 2]; 2];
        for (half, multiplier) in MULTIPLIERS.into_iter().enumerate() {
            for lane in 0..LANES {
                let product = u64::from(multiplier) * u64::from(counter[2 * half][lane]);
                low[half][lane] = product as u32;
                high[half][lane] = (product >> 32) as u32;
            }
        }
        for lane in 0..LANES {
            counter[0][lane] = high[1][lane] ^ counter[1][lane] ^ key[0];
            counter[2][lane] = high[0][lane] ^ counter[3][lane] ^ key[1];
        }
        counter[1] = low[1];
        counter[3] = low[0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the authors' library Random123 (`tests/kat_vectors`).
    #[test]
    fn blocks_equal_the_known_answers() {
        let check = |counter: [u32; 4], key, expect: [u32; 4]| {
            let blocks = blocks(counter.map(|word| [word; LANES]), key);
            assert_eq!(blocks, expect.map(|word| [word; LANES]));
        };
        check([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        check([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        check(
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        );
    }
}
