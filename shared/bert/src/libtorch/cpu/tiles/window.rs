//! Rectangles of a matrix that several threads write.

use std::marker::PhantomData;

use half::bf16;

/// A rectangle of a matrix in rows, which nobody else may read or write.
pub(in crate::libtorch::cpu) struct Window<'a> {
    first: *mut bf16,
    /// From row to row.
    stride: usize,
    rows: usize,
    columns: usize,
    matrix: PhantomData<&'a mut [bf16]>,
}

// SAFETY: a window is a mutable borrow of its rectangle, and numbers may go from thread to thread.
#[allow(unsafe_code)]
unsafe impl Send for Window<'_> {}

impl<'a> Window<'a> {
    /// The whole of a matrix that is `columns` wide.
    pub(super) fn of(matrix: &'a mut [bf16], columns: usize) -> Window<'a> {
        let rows = matrix.len() / columns;
        Window { first: matrix.as_mut_ptr(), stride: columns, rows, columns, matrix: PhantomData }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Windows of at most so many rows and columns, which do not overlap: row by row.
    pub(super) fn parts(self, rows: usize, columns: usize) -> impl Iterator<Item = Window<'a>> {
        let firsts = (0..self.rows)
            .step_by(rows)
            .flat_map(move |row| (0..self.columns).step_by(columns).map(move |column| (row, column)));
        firsts.map(move |(row, column)| Window {
            first: self.first.wrapping_add(row * self.stride + column),
            stride: self.stride,
            rows: rows.min(self.rows - row),
            columns: columns.min(self.columns - column),
            matrix: PhantomData,
        })
    }

    /// A row from `column` on.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(super) fn row(&mut self, row: usize, column: usize) -> &mut [bf16] {
        assert!(row < self.rows && column <= self.columns);
        let first = self.first.wrapping_add(row * self.stride + column);
        // SAFETY: the row lies in the matrix that was borrowed, and in no other window.
        unsafe { std::slice::from_raw_parts_mut(first, self.columns - column) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_whole() {
        let mut matrix = vec![bf16::ZERO; 5 * 7];
        for (index, mut part) in Window::of(&mut matrix, 7).parts(2, 3).enumerate() {
            for row in 0..part.rows() {
                part.row(row, 0).iter_mut().for_each(|x| *x += bf16::from_f32(index as f32 + 1.0));
            }
        }
        let at = |row: usize, column: usize| bf16::from_f32((row / 2 * 3 + column / 3 + 1) as f32);
        let expect: Vec<bf16> = (0..35).map(|place| at(place / 7, place % 7)).collect();
        assert_eq!(matrix, expect);
    }
}
