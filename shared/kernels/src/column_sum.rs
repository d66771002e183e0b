//! Sums over the rows of a matrix, in an order that does not depend on the number of threads: by blocks of rows first.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use crate::aligned::Aligned;
use crate::element::Element;

/// Rows of a block, which one task adds up.
pub(crate) const BLOCK_ROWS: usize = 32;

/// Zeros `[blocks, width]`: one row for every block of `rows`.
pub(crate) fn partial_sums(rows: usize, width: usize) -> Aligned<f32> {
    Aligned::new(0.0, rows.div_ceil(BLOCK_ROWS) * width)
}

/// `[blocks, width]` → `[width]`, the width of `parts` matrices side by side: one task for each of them.
pub(crate) fn total(partial: &[f32], parts: usize, total: &mut [f32]) {
    let width = total.len();
    total.fill(0.0);
    total.par_chunks_mut(width / parts).enumerate().for_each(|(part, total)| {
        let offset = part * total.len();
        for row in partial.chunks_exact(width) {
            total.iter_mut().zip(&row[offset..]).for_each(|(total, sum)| *total += sum);
        }
    });
}

/// `[n, width]` → `[width]`. Panics if `matrix` is not whole rows of `sums.len()`.
pub fn column_sums<N: Element>(sums: &mut [f32], matrix: &[N]) {
    let width = sums.len();
    assert!(matrix.len().is_multiple_of(width));
    let mut partial = partial_sums(matrix.len() / width, width);
    partial
        .par_chunks_mut(width)
        .zip(matrix.par_chunks(BLOCK_ROWS * width))
        .for_each(|(sums, rows)| Arch::new().dispatch(AddRows { sums, rows }));
    total(&partial, 1, sums);
}

struct AddRows<'a, N> {
    sums: &'a mut [f32],
    rows: &'a [N],
}

impl<N: Element> NullaryFnOnce for AddRows<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in self.rows.chunks_exact(self.sums.len()) {
            self.sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.as_f32());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{on_threads, random};

    #[test]
    fn sums_equal_the_definition_on_every_number_of_threads() {
        for (rows, width) in [(1, 1), (31, 5), (33, 20), (200, 7)] {
            let matrix = random(1, rows * width);
            let of = |threads| {
                on_threads(threads, || {
                    let mut sums = vec![f32::NAN; width];
                    column_sums(&mut sums, &matrix);
                    sums
                })
            };
            let sums = of(1);
            assert_eq!(of(3), sums);
            for (column, sum) in sums.into_iter().enumerate() {
                let expect: f32 = matrix[column..].iter().step_by(width).sum();
                assert!((sum - expect).abs() < 1e-4, "{sum} is not {expect}");
            }
        }
    }
}
