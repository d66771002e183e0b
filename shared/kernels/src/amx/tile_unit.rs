//! A unit of tiles: a tile is 16 rows of 64 bytes, and `accumulators += A·B` takes 16 rows of 16 pairs of A, and 16 pairs of 16
//! columns of B.

use std::marker::PhantomData;
use std::sync::LazyLock;

use half::bf16;

use super::instructions;
use super::matrix_mut::MatrixMut;
use crate::avx512_bf16::LANES;
use crate::element::Element;
use crate::matrix::Accumulate;

/// Rows of the block of accumulators that registers hold: two tiles.
pub(super) const MR: usize = 2 * LANES;
/// Columns of that block: two tiles.
pub(super) const NR: usize = 2 * LANES;
/// Elements of the inner dimension in one tile.
pub(super) const K_STEP: usize = 2 * LANES;
/// Elements of one tile.
pub(super) const TILE: usize = LANES * K_STEP;
/// Rows that are prefetched while a block is multiplied with one panel.
const PREFETCHED_ROWS: usize = 8;

/// 16 rows of 16 pairs.
pub(super) type Tile = [bf16; TILE];

/// A block of accumulators: four tiles of 16 rows of 16, two above and two below.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Accumulators(pub(super) [[f32; LANES]; 4 * LANES]);

impl Accumulators {
    pub(super) const ZERO: Accumulators = Accumulators([[0.0; LANES]; 4 * LANES]);

    /// The left and the right half of a row.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> [&[f32; LANES]; 2] {
        let first = row / LANES * NR + row % LANES;
        [&self.0[first], &self.0[first + LANES]]
    }
}

/// The tiles of a block of A: for every step of the inner dimension one of its upper and one of its lower 16 rows.
#[derive(Clone, Copy)]
pub(super) struct LhsTiles<'a> {
    pub(super) values: &'a [bf16],
    /// The distances of rows, of the upper and the lower tile, and of steps.
    pub(super) row_stride: usize,
    pub(super) lower: usize,
    pub(super) step: usize,
}

impl<'a> LhsTiles<'a> {
    /// The rows that are prefetched beside panel number `panel`: eight of each step's 32, four panels take all of them.
    pub(super) fn prefetch_rows(&self, panel: usize) -> Option<&'a [bf16]> {
        let first = panel * PREFETCHED_ROWS;
        if first < MR { self.values.get(first * self.row_stride..) } else { None }
    }
}

/// A unit of eight tiles, one for each thread: [`AmxToken`], or in tests `SoftwareTileUnit`.
pub(super) trait TileUnit: Copy + Send + Sync {
    /// A thread whose tiles are configured; dropping it releases them.
    type Configured;

    /// Configures this thread's tiles. Nothing that may use tiles in another way can run until the value is dropped.
    fn configure(self) -> Self::Configured;

    /// Packs 32 rows of 32 elements, `stride` apart, as tiles of B: a tile's row `k` holds the pairs of rows `2k` and
    /// `2k + 1`, column by column; the first tile has the first 16 columns.
    fn interleave<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]);

    /// [`TileUnit::interleave`], and then transposes the pairs of each tile: tiles of A from the rows of its transpose.
    fn interleave_and_transpose<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]);

    /// Transposes the pairs of 32 rows of 32 elements, `stride` apart: tiles of B from the rows of its transpose. The first
    /// tile has the first 16 rows.
    fn transpose<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]);

    /// `accumulators (+)= lhs·rhs` over the steps of `rhs`, which has two tiles for each. Meanwhile eight rows of each of
    /// as many steps of `prefetch`, which lies as `lhs` does, are fetched into the second-level cache.
    fn multiply(
        configured: &Self::Configured,
        lhs: LhsTiles<'_>,
        rhs: &[Tile],
        accumulators: &mut Accumulators,
        accumulate: Accumulate,
        prefetch: &[bf16],
    );

    /// Adds the `bias` to a block's rows, rounds them to bfloat16 and writes them to `out` from the row and column `first` on.
    fn store(
        configured: &Self::Configured,
        accumulators: &Accumulators,
        bias: &[f32; NR],
        out: &mut MatrixMut<'_>,
        first: [usize; 2],
    );
}

/// The processor's tile unit: proof that the processor has AMX-BF16, and that this process may use it.
#[derive(Debug, Clone, Copy)]
pub struct AmxToken(());

static TOKEN: LazyLock<Option<AmxToken>> =
    LazyLock::new(|| instructions::are_available().then_some(AmxToken(())));

impl AmxToken {
    /// None where the process cannot use the instructions.
    pub(super) fn detect() -> Option<AmxToken> {
        *TOKEN
    }
}

/// A thread whose tiles are configured for blocks of [`MR`] by [`NR`].
pub(super) struct Configured(PhantomData<*const ()>);

impl Drop for Configured {
    fn drop(&mut self) {
        instructions::release();
    }
}

impl TileUnit for AmxToken {
    type Configured = Configured;

    fn configure(self) -> Configured {
        instructions::configure();
        Configured(PhantomData)
    }

    #[inline(always)]
    fn interleave<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        instructions::interleave(rows, stride, pair);
    }

    #[inline(always)]
    fn interleave_and_transpose<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        instructions::interleave_and_transpose(rows, stride, pair);
    }

    #[inline(always)]
    fn transpose<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        check(rows, stride);
        instructions::transpose(rows, stride, pair);
    }

    #[inline(always)]
    fn multiply(
        _: &Configured,
        lhs: LhsTiles<'_>,
        rhs: &[Tile],
        accumulators: &mut Accumulators,
        accumulate: Accumulate,
        prefetch: &[bf16],
    ) {
        let k_steps = rhs.len() / 2;
        assert!(k_steps > 0);
        let last = (k_steps - 1) * lhs.step + lhs.lower + (LANES - 1) * lhs.row_stride;
        assert!(last + K_STEP <= lhs.values.len());
        instructions::multiply(lhs, rhs, k_steps, accumulators, accumulate, prefetch);
    }

    #[inline(always)]
    fn store(
        _: &Configured,
        accumulators: &Accumulators,
        bias: &[f32; NR],
        out: &mut MatrixMut<'_>,
        first: [usize; 2],
    ) {
        instructions::store(accumulators, bias, out, first);
    }
}

#[inline(always)]
fn check<N>(rows: &[N], stride: usize) {
    assert!((MR - 1) * stride + K_STEP <= rows.len());
}
