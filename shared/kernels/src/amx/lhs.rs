//! A, the left factor, as products take it.

use half::bf16;

use super::tile_unit::{K_STEP, LhsTiles, MR, Tile};
use crate::avx512_bf16::LANES;
use crate::matrix::Matrix;

pub(super) enum Lhs<'a> {
    /// Rows where they lie; the last block is padded with zeros if rows are missing.
    Rows { values: &'a [bf16], k: usize, last: Vec<bf16> },
    /// Packed panels of rows.
    Packed { tiles: &'a [Tile], k_steps: usize },
}

impl<'a> Lhs<'a> {
    pub(super) fn rows(matrix: Matrix<'a, bf16>) -> Lhs<'a> {
        let (values, k) = (matrix.values(), matrix.columns());
        let (whole, rest) = values.split_at(values.len() / (MR * k) * MR * k);
        let mut last = rest.to_vec();
        if !rest.is_empty() {
            last.resize(MR * k, bf16::ZERO);
        }
        Lhs::Rows { values: whole, k, last }
    }

    /// Steps of the inner dimension.
    pub(super) fn k_steps(&self) -> usize {
        match self {
            Lhs::Rows { k, .. } => k / K_STEP,
            Lhs::Packed { k_steps, .. } => *k_steps,
        }
    }

    /// Returns true if there are as many blocks as a product of `rows` rows has.
    pub(super) fn has_rows(&self, rows: usize) -> bool {
        let blocks = match self {
            Lhs::Rows { values, k, last } => (values.len() + last.len()) / (MR * k),
            Lhs::Packed { tiles, k_steps } => tiles.len() / (2 * k_steps),
        };
        blocks == rows.div_ceil(MR)
    }

    /// The tiles of a block of rows, from a step of the inner dimension on; empty where there are no more blocks.
    pub(super) fn tiles(&self, block: usize, k_step: usize) -> LhsTiles<'_> {
        match self {
            Lhs::Rows { values, k, last } => {
                let size = MR * k;
                let block = values.get(block * size..(block + 1) * size).unwrap_or(last);
                let values = block.get(k_step * K_STEP..).unwrap_or(&[]);
                LhsTiles { values, row_stride: *k, lower: LANES * k, step: K_STEP }
            }
            Lhs::Packed { tiles, k_steps } => {
                let block = tiles.get(2 * (block * k_steps + k_step)..2 * (block + 1) * k_steps);
                let values = block.map_or(&[][..], |tiles| tiles.as_flattened());
                LhsTiles { values, row_stride: K_STEP, lower: LANES * K_STEP, step: MR * K_STEP }
            }
        }
    }
}
