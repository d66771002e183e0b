//! A mutable view of a block of a matrix, so that several threads write one matrix.

use std::marker::PhantomData;

use half::bf16;

/// A block of a matrix in row-major order, borrowed mutably.
pub(super) struct MatrixMut<'a> {
    first: *mut bf16,
    /// The distance of rows.
    stride: usize,
    rows: usize,
    columns: usize,
    matrix: PhantomData<&'a mut [bf16]>,
}

// SAFETY: a `MatrixMut` is a mutable borrow of its block, and bfloat16 values may move between threads.
#[allow(unsafe_code)]
unsafe impl Send for MatrixMut<'_> {}

impl<'a> MatrixMut<'a> {
    /// A whole matrix of `columns` columns.
    pub(super) fn new(matrix: &'a mut [bf16], columns: usize) -> MatrixMut<'a> {
        let rows = matrix.len() / columns;
        MatrixMut { first: matrix.as_mut_ptr(), stride: columns, rows, columns, matrix: PhantomData }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Disjoint blocks of at most `rows` rows and `columns` columns, in row-major order.
    pub(super) fn into_blocks(self, rows: usize, columns: usize) -> impl Iterator<Item = MatrixMut<'a>> {
        let firsts = (0..self.rows)
            .step_by(rows)
            .flat_map(move |row| (0..self.columns).step_by(columns).map(move |column| (row, column)));
        firsts.map(move |(row, column)| MatrixMut {
            first: self.first.wrapping_add(row * self.stride + column),
            stride: self.stride,
            rows: rows.min(self.rows - row),
            columns: columns.min(self.columns - column),
            matrix: PhantomData,
        })
    }

    /// The elements of a row from `column` on.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(super) fn row(&mut self, row: usize, column: usize) -> &mut [bf16] {
        assert!(row < self.rows && column <= self.columns);
        let first = self.first.wrapping_add(row * self.stride + column);
        // SAFETY: the row lies in the matrix that was borrowed, and in no other block.
        unsafe { std::slice::from_raw_parts_mut(first, self.columns - column) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_matrix() {
        let mut matrix = vec![bf16::ZERO; 5 * 7];
        for (index, mut block) in MatrixMut::new(&mut matrix, 7).into_blocks(2, 3).enumerate() {
            for row in 0..block.rows() {
                block.row(row, 0).iter_mut().for_each(|x| *x += bf16::from_f32(index as f32 + 1.0));
            }
        }
        let at = |row: usize, column: usize| bf16::from_f32((row / 2 * 3 + column / 3 + 1) as f32);
        let expect: Vec<bf16> = (0..35).map(|place| at(place / 7, place % 7)).collect();
        assert_eq!(matrix, expect);
    }
}
