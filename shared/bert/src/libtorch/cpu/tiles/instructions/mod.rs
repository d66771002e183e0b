//! The processor's tile instructions (AMX): a tile is 16 rows of 64 bytes, and `sums += left·right` takes 16 rows of 16 pairs on the
//! left, 16 pairs of 16 columns on the right.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod bare;
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[path = "elsewhere.rs"]
mod bare;

use std::marker::PhantomData;
use std::sync::LazyLock;

use half::bf16;

use super::window::Window;
use crate::libtorch::cpu::pairs::LANES;
use crate::libtorch::memory::Number;

/// Rows and columns of the block of sums that registers hold: two tiles each.
pub(super) const BLOCK: usize = 2 * LANES;
/// Of the inner dimension, what one tile has.
pub(super) const DEPTH: usize = 2 * LANES;
/// Rows that come ahead while a block is multiplied.
const AHEAD: usize = 8;

/// 16 rows of 16 pairs.
pub(super) type Tile = [bf16; LANES * DEPTH];

/// A block's sums, tile by tile, two above and two below: each 16 rows of 16.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Sums([[f32; LANES]; 4 * LANES]);

impl Sums {
    pub(super) const ZERO: Sums = Sums([[0.0; LANES]; 4 * LANES]);

    /// Of a block's row, the columns of the left and those of the right half.
    #[inline(always)]
    fn row(&self, row: usize) -> [&[f32; LANES]; 2] {
        let first = row / LANES * BLOCK + row % LANES;
        [&self.0[first], &self.0[first + LANES]]
    }
}

/// The left tiles of a block: for every step of the inner dimension one of its upper and one of its lower 16 rows.
#[derive(Clone, Copy)]
pub(super) struct LeftTiles<'a> {
    pub(super) numbers: &'a [bf16],
    /// From row to row, from the upper tile to the lower, and from step to step.
    pub(super) row_stride: usize,
    pub(super) lower: usize,
    pub(super) step: usize,
}

impl<'a> LeftTiles<'a> {
    /// Of every step's 32 rows eight, from the first on: the quarter with this number.
    pub(super) fn quarter(&self, number: usize) -> Option<&'a [bf16]> {
        if number < BLOCK / AHEAD { self.numbers.get(number * AHEAD * self.row_stride..) } else { None }
    }
}

/// What the sums begin with.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Start {
    Zero,
    Kept,
}

/// Proof that the processor has the instructions, and that this process may use them.
#[derive(Clone, Copy)]
pub(in crate::libtorch::cpu) struct Tiles(());

static TILES: LazyLock<Option<Tiles>> = LazyLock::new(|| bare::are_there().then_some(Tiles(())));

impl Tiles {
    pub(in crate::libtorch::cpu) fn of_processor() -> Option<Tiles> {
        *TILES
    }

    /// Of 32 rows of 32 numbers, whose distance is `stride`: in each row of a tile two of them, number by number, in the first
    /// tile their first 16 numbers.
    #[inline(always)]
    pub(super) fn interleave<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        bare::interleave(rows, stride, pair);
    }

    /// The same, and then rows and pairs are swapped.
    #[inline(always)]
    pub(super) fn interleave_and_transpose<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        bare::interleave_and_transpose(rows, stride, pair);
    }

    /// Of 32 rows of 32 numbers, with rows and pairs swapped, in the first tile the first 16 rows.
    #[inline(always)]
    pub(super) fn transpose<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        bare::transpose(rows, stride, pair);
    }

    /// Sets this thread's tiles up, until the guard is dropped; nothing that may use tiles in another way can run meanwhile.
    pub(super) fn set_up(self) -> SetUp {
        bare::set_up();
        SetUp(PhantomData)
    }
}

#[inline(always)]
fn check<N>(rows: &[N], stride: usize) {
    assert!((BLOCK - 1) * stride + DEPTH <= rows.len());
}

/// A thread whose tiles are set up.
pub(super) struct SetUp(PhantomData<*const ()>);

impl Drop for SetUp {
    fn drop(&mut self) {
        bare::release();
    }
}

impl SetUp {
    /// A block's sums over the steps of `right`, which has two tiles for each. Meanwhile of as many steps of what is `ahead`, which
    /// lies as `left` does, eight rows come into the second fastest memory.
    #[inline(always)]
    pub(super) fn multiply(
        &self,
        left: LeftTiles<'_>,
        right: &[Tile],
        sums: &mut Sums,
        start: Start,
        ahead: &[bf16],
    ) {
        let steps = right.len() / 2;
        assert!(steps > 0);
        let last = (steps - 1) * left.step + left.lower + (LANES - 1) * left.row_stride;
        assert!(last + DEPTH <= left.numbers.len());
        bare::multiply(left, right, steps, sums, start, ahead);
    }

    /// Adds the `bias` to a block's rows, and puts them, narrow, into `out` from the row and the column `first` on.
    #[inline(always)]
    pub(super) fn put(&self, sums: &Sums, bias: &[f32; BLOCK], out: &mut Window<'_>, first: [usize; 2]) {
        bare::put(sums, bias, out, first);
    }
}
