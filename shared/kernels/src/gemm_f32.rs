//! Matrix products in float32, by the crate `gemm`: MKL, which libtorch uses, reaches half as much on AMD's processors.

use gemm::{Parallelism, gemm};

use crate::matrix::{Accumulate, Matrix};

/// A factor of a product: a matrix as it lies in memory, or its transpose.
#[derive(Debug, Clone, Copy)]
pub struct Factor<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Factor<'a> {
    /// The matrix itself.
    pub fn plain(matrix: Matrix<'a, f32>) -> Factor<'a> {
        let (rows, columns) = (matrix.rows(), matrix.columns());
        Factor { values: matrix.values(), rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transpose of the matrix.
    pub fn transposed(matrix: Matrix<'a, f32>) -> Factor<'a> {
        let (rows, columns) = (matrix.rows(), matrix.columns());
        Factor {
            values: matrix.values(),
            rows: columns,
            columns: rows,
            row_stride: 1,
            column_stride: columns,
        }
    }
}

/// `out (+)= lhs·rhs`: `[m, k]` and `[k, n]` → `[m, n]`. Panics if the sizes do not fit.
#[allow(unsafe_code)]
pub fn multiply(out: &mut [f32], accumulate: Accumulate, lhs: Factor<'_>, rhs: Factor<'_>) {
    let (rows, columns, inner) = (lhs.rows, rhs.columns, lhs.columns);
    assert_eq!(inner, rhs.rows);
    assert_eq!(out.len(), rows * columns);
    assert_eq!((lhs.values.len(), rhs.values.len()), (rows * inner, inner * columns));
    // SAFETY: the three slices hold matrices of these sizes with these strides, as just checked; `out` is borrowed
    // mutably, so it overlaps neither of the others.
    unsafe {
        gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            columns as isize,
            accumulate == Accumulate::Add,
            lhs.values.as_ptr(),
            lhs.column_stride as isize,
            lhs.row_stride as isize,
            rhs.values.as_ptr(),
            rhs.column_stride as isize,
            rhs.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::Rayon(0),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{product, random, relative_error, transpose};

    fn check(sizes: [usize; 3]) {
        let [m, k, n] = sizes;
        let (a, b, start) = (random(1, m * k), random(2, k * n), random(3, m * n));
        let expect = product(&a, &b, sizes);
        let (at, bt) = (transpose(&a, k), transpose(&b, n));
        let lhs = [Factor::plain(Matrix::new(&a, k)), Factor::transposed(Matrix::new(&at, m))];
        let rhs = [Factor::plain(Matrix::new(&b, n)), Factor::transposed(Matrix::new(&bt, k))];
        for (lhs, rhs) in lhs.into_iter().flat_map(|lhs| rhs.map(|rhs| (lhs, rhs))) {
            let mut out = start.clone();
            multiply(&mut out, Accumulate::Overwrite, lhs, rhs);
            assert!(relative_error(&out, &expect) < 1e-6);
            out.copy_from_slice(&start);
            multiply(&mut out, Accumulate::Add, lhs, rhs);
            let sums: Vec<f32> = expect.iter().zip(&start).map(|(product, start)| product + start).collect();
            assert!(relative_error(&out, &sums) < 1e-6);
        }
    }

    #[test]
    fn products_equal_the_definition() {
        [[1, 1, 1], [1, 24, 50], [7, 33, 5], [64, 40, 17]].into_iter().for_each(check);
    }
}
