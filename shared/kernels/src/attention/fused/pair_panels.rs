//! B packed in the order in which AVX512-BF16 multiplies it.

use half::bf16;

use crate::avx512_bf16::{Avx512Bf16, LANES, NR_VECTORS, PairVector, Strided};

/// B `[rows, columns]` in panels of at most [`NR_VECTORS`] vectors of columns: for every pair of rows, the panel's vectors
/// one after the other. Missing rows and columns are zero.
pub(super) struct PairPanels {
    all: Vec<PairVector>,
    rows: usize,
    pairs: usize,
    columns: usize,
}

impl PairPanels {
    /// For matrices of `rows` times `columns`.
    pub(super) fn new(rows: usize, columns: usize) -> PairPanels {
        let pairs = rows.div_ceil(2);
        PairPanels { all: vec![PairVector::ZERO; pairs * columns.div_ceil(LANES)], rows, pairs, columns }
    }

    /// The pairs of number `panel`, and its width in vectors.
    #[inline(always)]
    pub(super) fn panel(&self, panel: usize) -> (&[PairVector], usize) {
        let vectors = NR_VECTORS.min(self.columns.div_ceil(LANES) - panel * NR_VECTORS);
        (&self.all[panel * NR_VECTORS * self.pairs..][..self.pairs * vectors], vectors)
    }

    /// The number of panels.
    pub(super) fn len(&self) -> usize {
        self.columns.div_ceil(NR_VECTORS * LANES)
    }

    #[inline(always)]
    fn at(&mut self, pair: usize, vector: usize) -> &mut PairVector {
        let (panel, vector) = (vector / NR_VECTORS, vector % NR_VECTORS);
        let vectors = self.panel(panel).1;
        &mut self.all[panel * NR_VECTORS * self.pairs + pair * vectors + vector]
    }

    /// Packs a matrix.
    #[inline(always)]
    pub(super) fn pack(&mut self, matrix: &Strided<&[bf16]>) {
        for vector in 0..self.columns.div_ceil(LANES) {
            let columns = vector * LANES..self.columns.min((vector + 1) * LANES);
            for pair in 0..self.pairs {
                let odd_row = 2 * pair + 1;
                let at = |row: usize| &matrix.values[row * matrix.stride..][columns.clone()];
                let last = &[bf16::ZERO; LANES][..columns.len()];
                let odd = if odd_row < self.rows { at(odd_row) } else { last };
                let out = &mut self.at(pair, vector).0;
                for (out, (&even, &odd)) in out.iter_mut().zip(at(2 * pair).iter().zip(odd)) {
                    *out = [even, odd];
                }
            }
        }
    }

    /// Packs the transpose of `matrix`, whose number of columns is even.
    #[inline(always)]
    pub(super) fn pack_transposed(&mut self, token: Avx512Bf16, matrix: &Strided<&[bf16]>) {
        for vector in 0..self.columns.div_ceil(LANES) {
            let rows = vector * LANES..self.columns.min((vector + 1) * LANES);
            for first in (0..self.pairs).step_by(LANES) {
                let depth = LANES.min(self.pairs - first);
                let mut square = [PairVector::ZERO; LANES];
                for (row, out) in rows.clone().zip(&mut square) {
                    let values = &matrix.values[row * matrix.stride + 2 * first..][..2 * depth];
                    out.0.as_flattened_mut()[..2 * depth].copy_from_slice(values);
                }
                token.transpose(&mut square);
                (first..first + depth).zip(square).for_each(|(pair, pairs)| *self.at(pair, vector) = pairs);
            }
        }
    }
}
