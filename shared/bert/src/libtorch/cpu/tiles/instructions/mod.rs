//! The processor's tile instructions (AMX): a tile is 16 rows of 64 bytes, and `sums += left·right` takes 16 rows of 16 pairs on the
//! left, 16 pairs of 16 columns on the right.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod bare;
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[path = "elsewhere.rs"]
mod bare;
#[cfg(test)]
mod software;

use std::marker::PhantomData;
use std::sync::LazyLock;

use half::bf16;

#[cfg(test)]
pub(super) use self::software::SoftwareTileUnit;
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
pub(in crate::libtorch::cpu) type Tile = [bf16; LANES * DEPTH];

/// A block's sums, tile by tile, two above and two below: each 16 rows of 16.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(in crate::libtorch::cpu) struct Sums([[f32; LANES]; 4 * LANES]);

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
pub(in crate::libtorch::cpu) struct LeftTiles<'a> {
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
pub(in crate::libtorch::cpu) enum Start {
    Zero,
    Kept,
}

/// A unit of eight tiles, one for each thread: [`Amx`], or in tests `SoftwareTileUnit`.
pub(in crate::libtorch::cpu) trait TileUnit: Copy + Send + Sync {
    /// A thread whose tiles are configured; dropping it releases them.
    type Configured;

    /// Configures this thread's tiles. Nothing that may use tiles in another way can run until the value is dropped.
    fn configure(self) -> Self::Configured;

    /// Packs 32 rows of 32 numbers, `stride` apart, for the right side: a tile's row `k` holds the pairs of rows `2k` and `2k + 1`,
    /// column by column; the first tile has the first 16 columns.
    fn interleave<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]);

    /// [`TileUnit::interleave`] with the rows and pairs of each tile swapped.
    fn interleave_and_transpose<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]);

    /// Copies 32 rows of 32 numbers, `stride` apart, with the rows and pairs of each tile swapped; the first tile has the first 16
    /// rows.
    fn transpose<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]);

    /// Sums a block over the steps of `right`, which has two tiles for each. Meanwhile, for as many steps of what is `ahead`, which
    /// lies as `left` does, eight rows are prefetched into the second-level cache.
    fn multiply(
        configured: &Self::Configured,
        left: LeftTiles<'_>,
        right: &[Tile],
        sums: &mut Sums,
        start: Start,
        ahead: &[bf16],
    );

    /// Adds the `bias` to a block's rows, rounds them to bfloat16 and writes them into `out` from the row and the column `first` on.
    fn put(
        configured: &Self::Configured,
        sums: &Sums,
        bias: &[f32; BLOCK],
        out: &mut Window<'_>,
        first: [usize; 2],
    );
}

/// The processor's own tile unit: proof that the processor has the instructions, and that this process may use them.
#[derive(Clone, Copy)]
pub(in crate::libtorch::cpu) struct Amx(());

static AMX: LazyLock<Option<Amx>> = LazyLock::new(|| bare::are_there().then_some(Amx(())));

impl Amx {
    pub(super) fn of_processor() -> Option<Amx> {
        *AMX
    }
}

/// A thread whose tiles are configured for this module's blocks.
pub(in crate::libtorch::cpu) struct Configured(PhantomData<*const ()>);

impl Drop for Configured {
    fn drop(&mut self) {
        bare::release();
    }
}

impl TileUnit for Amx {
    type Configured = Configured;

    fn configure(self) -> Configured {
        bare::set_up();
        Configured(PhantomData)
    }

    #[inline(always)]
    fn interleave<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        bare::interleave(rows, stride, pair);
    }

    #[inline(always)]
    fn interleave_and_transpose<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        bare::interleave_and_transpose(rows, stride, pair);
    }

    #[inline(always)]
    fn transpose<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        bare::transpose(rows, stride, pair);
    }

    #[inline(always)]
    fn multiply(
        _: &Configured,
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

    #[inline(always)]
    fn put(_: &Configured, sums: &Sums, bias: &[f32; BLOCK], out: &mut Window<'_>, first: [usize; 2]) {
        bare::put(sums, bias, out, first);
    }
}

#[inline(always)]
fn check<N>(rows: &[N], stride: usize) {
    assert!((BLOCK - 1) * stride + DEPTH <= rows.len());
}
