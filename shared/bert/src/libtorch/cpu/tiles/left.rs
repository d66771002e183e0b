//! Left factors as products take them.

use half::bf16;
use tch::Tensor;

use super::instructions::{BLOCK, DEPTH, LeftTiles, Tile};
use crate::libtorch::cpu::pairs::LANES;
use crate::libtorch::memory::numbers;

pub(super) enum Left<'a> {
    /// As they lie, and the last block filled up with zeros where rows are missing.
    Rows { numbers: &'a [bf16], inner: usize, last: Vec<bf16> },
    /// Strips of rows.
    Packed { tiles: &'a [Tile], steps: usize },
}

impl Left<'_> {
    pub(super) fn rows(matrix: &Tensor) -> Left<'_> {
        let inner = matrix.size()[1] as usize;
        let numbers = numbers::<bf16>(matrix);
        let (whole, rest) = numbers.split_at(numbers.len() / (BLOCK * inner) * BLOCK * inner);
        let mut last = rest.to_vec();
        if !rest.is_empty() {
            last.resize(BLOCK * inner, bf16::ZERO);
        }
        Left::Rows { numbers: whole, inner, last }
    }

    /// Of the inner dimension.
    pub(super) fn steps(&self) -> usize {
        match self {
            Left::Rows { inner, .. } => inner / DEPTH,
            Left::Packed { steps, .. } => *steps,
        }
    }

    /// Of a block of rows, from a step of the inner dimension on; none where there are no more blocks.
    pub(super) fn tiles(&self, block: usize, step: usize) -> LeftTiles<'_> {
        match self {
            Left::Rows { numbers, inner, last } => {
                let size = BLOCK * inner;
                let block = numbers.get(block * size..(block + 1) * size).unwrap_or(last);
                let numbers = block.get(step * DEPTH..).unwrap_or(&[]);
                LeftTiles { numbers, row_stride: *inner, lower: LANES * inner, step: DEPTH }
            }
            Left::Packed { tiles, steps } => {
                let block = tiles.get(2 * (block * steps + step)..2 * (block + 1) * steps);
                let numbers = block.map_or(&[][..], |tiles| tiles.as_flattened());
                LeftTiles { numbers, row_stride: DEPTH, lower: LANES * DEPTH, step: BLOCK * DEPTH }
            }
        }
    }
}
