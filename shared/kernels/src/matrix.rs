//! Views of matrices in row-major order.

/// A matrix `[rows, columns]`, row after row.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, N> {
    values: &'a [N],
    columns: usize,
}

impl<'a, N> Matrix<'a, N> {
    /// Panics if `values` are not whole rows of `columns`.
    pub fn new(values: &'a [N], columns: usize) -> Matrix<'a, N> {
        assert!(columns > 0 && values.len().is_multiple_of(columns), "{} in rows of {columns}", values.len());
        Matrix { values, columns }
    }

    /// All elements, row after row.
    pub fn values(&self) -> &'a [N] {
        self.values
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

/// The effect of a product on its output's old values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulate {
    /// `out = A·B`
    Overwrite,
    /// `out += A·B`
    Add,
}
