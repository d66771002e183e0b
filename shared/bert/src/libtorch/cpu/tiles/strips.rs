//! Factors in the order in which tiles are loaded.

use std::cell::RefCell;
use std::ops::Range;

use half::bf16;
use rayon::prelude::*;
use tch::Tensor;

use super::instructions::{BLOCK, DEPTH, Tile, TileUnit};
use super::tasks::STRIPS;
use crate::libtorch::cpu::aligned::Aligned;
use crate::libtorch::cpu::pairs::LANES;
use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// A factor, in strips as [`Source`] says.
pub(super) trait Strips: Sync {
    /// The number of its columns, if it is a right, of its rows, if it is a left factor.
    fn width(&self) -> usize;

    /// Of the inner dimension.
    fn steps(&self) -> usize;

    /// Calls `take` with some strips, at most [`STRIPS`].
    fn with_strips(&self, unit: impl TileUnit, strips: Range<usize>, take: impl FnOnce(&[&[Tile]]));
}

/// How a factor's matrix lies in memory.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// The right factor is the matrix.
    Right,
    /// The right factor is the matrix transposed.
    RightTransposed,
    /// The left factor is the matrix transposed.
    LeftTransposed,
}

/// A factor as it lies in memory. Packed it is in strips of [`BLOCK`] rows of a left, columns of a right factor, of which each has
/// two tiles for every [`DEPTH`] of the inner dimension.
pub(super) struct Source<'a, N> {
    pub(super) matrix: Stack<'a, N>,
    pub(super) order: Order,
}

thread_local! {
    /// A task's strips.
    static MEMORY: RefCell<Aligned<bf16>> = RefCell::new(Aligned::new(bf16::ZERO, 0));
}

impl<N: Number> Strips for Source<'_, N> {
    fn width(&self) -> usize {
        match self.order {
            Order::Right | Order::LeftTransposed => self.matrix.columns,
            Order::RightTransposed => self.matrix.rows(),
        }
    }

    fn steps(&self) -> usize {
        let inner = match self.order {
            Order::Right | Order::LeftTransposed => self.matrix.rows(),
            Order::RightTransposed => self.matrix.columns,
        };
        inner.div_ceil(DEPTH)
    }

    fn with_strips(&self, unit: impl TileUnit, strips: Range<usize>, take: impl FnOnce(&[&[Tile]])) {
        let strip_tiles = 2 * self.steps();
        MEMORY.with_borrow_mut(|memory| {
            let size = strips.len() * strip_tiles * NUMBERS;
            if memory.len() < size {
                *memory = Aligned::new(bf16::ZERO, size);
            }
            let tiles = memory[..size].as_chunks_mut().0;
            self.pack(unit, strips.start, tiles);
            let mut all = [&[][..]; STRIPS];
            all.iter_mut().zip(tiles.chunks_exact(strip_tiles)).for_each(|(out, strip)| *out = strip);
            take(&all[..strips.len()]);
        });
    }
}

impl<N: Number> Source<'_, N> {
    /// Fills `tiles` with strips from number `first` on; what is missing is zero.
    fn pack(&self, unit: impl TileUnit, first: usize, tiles: &mut [Tile]) {
        // Step by step where rows go across the strips, strip by strip where they go along them.
        let (steps, pairs) = (self.steps(), tiles.as_chunks_mut::<2>().0);
        let strips = pairs.len() / steps;
        match self.order {
            Order::Right | Order::LeftTransposed => {
                for (step, strip) in (0..steps).flat_map(|step| (0..strips).map(move |strip| (step, strip))) {
                    self.pack_step(unit, first + strip, step, &mut pairs[strip * steps + step]);
                }
            }
            Order::RightTransposed => {
                for (index, pair) in pairs.iter_mut().enumerate() {
                    self.pack_step(unit, first + index / steps, index % steps, pair);
                }
            }
        }
    }

    #[inline(always)]
    fn pack_step(&self, unit: impl TileUnit, strip: usize, step: usize, pair: &mut [Tile; 2]) {
        let (line, inner) = (strip * BLOCK, step * DEPTH);
        let first = match self.order {
            Order::Right | Order::LeftTransposed => [inner, line],
            Order::RightTransposed => [line, inner],
        };
        self.matrix.with_square(first, |numbers, stride| match self.order {
            Order::Right => unit.interleave(numbers, stride, pair),
            Order::LeftTransposed => unit.interleave_and_transpose(numbers, stride, pair),
            Order::RightTransposed => unit.transpose(numbers, stride, pair),
        });
    }
}

/// Strips of a whole factor that a thread packs at a time.
const TOGETHER: usize = 4;

/// All strips of a factor, packed in parallel.
pub(super) fn packed<N: Number>(unit: impl TileUnit, factor: &Source<'_, N>) -> Tensor {
    let (strips, strip_tiles) = (factor.width().div_ceil(BLOCK), 2 * factor.steps());
    let mut memory = empty::<bf16>(&[(strips * strip_tiles * NUMBERS) as i64]);
    let tiles = numbers_mut::<bf16>(&mut memory).as_chunks_mut::<NUMBERS>().0;
    tiles
        .par_chunks_mut(TOGETHER * strip_tiles)
        .enumerate()
        .for_each(|(index, tiles)| factor.pack(unit, index * TOGETHER, tiles));
    memory
}

/// Packed right factors side by side.
pub(super) struct Packed<'a> {
    all: Vec<&'a [Tile]>,
    strips_each: usize,
    steps: usize,
}

impl<'a> Packed<'a> {
    /// Each with a row for every strip.
    pub(super) fn of(packed: &'a [Tensor]) -> Packed<'a> {
        let size = packed[0].size();
        assert!(packed.iter().all(|part| part.size() == size));
        let all = packed.iter().map(|part| numbers::<bf16>(part).as_chunks().0).collect();
        Packed { all, strips_each: size[0] as usize, steps: size[1] as usize / (2 * NUMBERS) }
    }
}

impl Strips for Packed<'_> {
    fn width(&self) -> usize {
        self.all.len() * self.strips_each * BLOCK
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn with_strips(&self, _: impl TileUnit, strips: Range<usize>, take: impl FnOnce(&[&[Tile]])) {
        let (mut all, count) = ([&[][..]; STRIPS], strips.len());
        for (strip, out) in strips.zip(&mut all) {
            let part = self.all[strip / self.strips_each];
            *out = &part[strip % self.strips_each * 2 * self.steps..][..2 * self.steps];
        }
        take(&all[..count]);
    }
}

/// Of a tile.
pub(super) const NUMBERS: usize = LANES * DEPTH;

/// Matrices of the same size one under the other.
pub(super) struct Stack<'a, N> {
    matrices: Vec<&'a [N]>,
    rows_each: usize,
    columns: usize,
}

impl<'a, N: Number> Stack<'a, N> {
    pub(super) fn of(matrices: &'a [Tensor]) -> Stack<'a, N> {
        let size = matrices[0].size();
        assert!(matrices.iter().all(|matrix| matrix.size() == size));
        let matrices = matrices.iter().map(numbers::<N>).collect();
        Stack { matrices, rows_each: size[0] as usize, columns: size[1] as usize }
    }

    fn rows(&self) -> usize {
        self.rows_each * self.matrices.len()
    }

    /// Calls `take` with the 32 rows and columns that begin at `first`, and the distance of rows.
    #[inline(always)]
    fn with_square(&self, [row, column]: [usize; 2], take: impl FnOnce(&[N], usize)) {
        let place = row % self.rows_each;
        if column + BLOCK <= self.columns && place + BLOCK <= self.rows_each && row < self.rows() {
            let matrix = self.matrices[row / self.rows_each];
            return take(&matrix[place * self.columns + column..], self.columns);
        }
        // At an edge: what is missing is zero.
        let mut copy = [N::narrow(0.0); BLOCK * BLOCK];
        for (row, copy) in (row..self.rows()).zip(copy.as_chunks_mut::<BLOCK>().0) {
            let matrix = &self.matrices[row / self.rows_each][row % self.rows_each * self.columns..];
            let numbers = &matrix[column.min(self.columns)..self.columns.min(column + BLOCK)];
            copy[..numbers.len()].copy_from_slice(numbers);
        }
        take(&copy, BLOCK);
    }
}
