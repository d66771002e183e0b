//! Sums over the rows of a matrix, in an order that does not depend on the number of threads.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::Tensor;

use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// Rows that one task takes.
pub(super) const BLOCK_ROWS: usize = 32;

/// `[blocks, width]` of zeros: one row for every block of `rows`.
pub(super) fn partial_sums(rows: i64, width: i64) -> Tensor {
    let mut partial = empty::<f32>(&[(rows as u64).div_ceil(BLOCK_ROWS as u64) as i64, width]);
    numbers_mut::<f32>(&mut partial).fill(0.0);
    partial
}

/// `[blocks, width]` → `[width]`; the width is that of `parts` matrices side by side.
pub(super) fn total(partial: &Tensor, parts: usize) -> Tensor {
    let width = partial.size()[1];
    let mut total = empty::<f32>(&[width]);
    let rows = numbers::<f32>(partial);
    let total_numbers = numbers_mut::<f32>(&mut total);
    total_numbers.fill(0.0);
    total_numbers.par_chunks_mut(width as usize / parts).enumerate().for_each(|(part, total)| {
        let offset = part * total.len();
        for row in rows.chunks_exact(width as usize) {
            total.iter_mut().zip(&row[offset..]).for_each(|(total, number)| *total += number);
        }
    });
    total
}

/// `N[n, width]` → `[width]`
pub(in crate::libtorch) fn column_sums<N: Number>(matrix: &Tensor) -> Tensor {
    let size = matrix.size();
    let width = size[1] as usize;
    let mut partial = partial_sums(size[0], size[1]);
    numbers_mut::<f32>(&mut partial)
        .par_chunks_mut(width)
        .zip(numbers::<N>(matrix).par_chunks(BLOCK_ROWS * width))
        .for_each(|(sums, rows)| Arch::new().dispatch(SumBlock { sums, rows }));
    total(&partial, 1)
}

/// Adds some rows. A type, because closures are not compiled for the processor at hand.
struct SumBlock<'a, N> {
    sums: &'a mut [f32],
    rows: &'a [N],
}

impl<N: Number> NullaryFnOnce for SumBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in self.rows.chunks_exact(self.sums.len()) {
            self.sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += number.widen());
        }
    }
}
