//! Right factors in the order in which the processor multiplies them.

use half::bf16;

use crate::libtorch::cpu::pairs::{LANES, Pairs, Processor, Rows, TILE_LANES};

/// A right factor whose rows are taken in pairs, in panels of at most [`TILE_LANES`] lanes: of each, lane by lane, all that
/// one pair of rows has. What is missing is zero.
pub(super) struct Panels {
    all: Vec<Pairs>,
    rows: usize,
    pairs: usize,
    columns: usize,
}

impl Panels {
    /// For matrices of `rows` times `columns`.
    pub(super) fn new(rows: usize, columns: usize) -> Panels {
        let pairs = rows.div_ceil(2);
        Panels { all: vec![Pairs::ZERO; pairs * columns.div_ceil(LANES)], rows, pairs, columns }
    }

    /// Of number `panel`: its pairs, and how many lanes wide it is.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize) -> (&[Pairs], usize) {
        let wide = TILE_LANES.min(self.columns.div_ceil(LANES) - panel * TILE_LANES);
        (&self.all[panel * TILE_LANES * self.pairs..][..self.pairs * wide], wide)
    }

    pub(super) fn len(&self) -> usize {
        self.columns.div_ceil(TILE_LANES * LANES)
    }

    #[inline(always)]
    fn at(&mut self, pair: usize, lane: usize) -> &mut Pairs {
        let (panel, lane) = (lane / TILE_LANES, lane % TILE_LANES);
        let wide = self.panel(panel).1;
        &mut self.all[panel * TILE_LANES * self.pairs + pair * wide + lane]
    }

    /// Puts a matrix here.
    #[inline(always)]
    pub(super) fn put(&mut self, matrix: &Rows<&[bf16]>) {
        for lane in 0..self.columns.div_ceil(LANES) {
            let columns = lane * LANES..self.columns.min((lane + 1) * LANES);
            for pair in 0..self.pairs {
                let odd_row = 2 * pair + 1;
                let at = |row: usize| &matrix.numbers[row * matrix.stride..][columns.clone()];
                let last = &[bf16::ZERO; LANES][..columns.len()];
                let odd = if odd_row < self.rows { at(odd_row) } else { last };
                let out = &mut self.at(pair, lane).0;
                for (out, (&even, &odd)) in out.iter_mut().zip(at(2 * pair).iter().zip(odd)) {
                    *out = [even, odd];
                }
            }
        }
    }

    /// Puts a matrix here that is transposed; its rows are even.
    #[inline(always)]
    pub(super) fn put_transposed(&mut self, processor: Processor, matrix: &Rows<&[bf16]>) {
        for lane in 0..self.columns.div_ceil(LANES) {
            let rows = lane * LANES..self.columns.min((lane + 1) * LANES);
            for first in (0..self.pairs).step_by(LANES) {
                let depth = LANES.min(self.pairs - first);
                let mut square = [Pairs::ZERO; LANES];
                for (row, out) in rows.clone().zip(&mut square) {
                    let numbers = &matrix.numbers[row * matrix.stride + 2 * first..][..2 * depth];
                    out.0.as_flattened_mut()[..2 * depth].copy_from_slice(numbers);
                }
                processor.transpose(&mut square);
                (first..first + depth).zip(square).for_each(|(pair, pairs)| *self.at(pair, lane) = pairs);
            }
        }
    }
}
