//! A tile unit in plain Rust, so that packing, blocking and edges are tested on every processor.

use half::bf16;

use super::matrix_mut::MatrixMut;
use super::tile_unit::{Accumulators, K_STEP, LhsTiles, MR, NR, Tile, TileUnit};
use crate::avx512_bf16::LANES;
use crate::element::Element;
use crate::matrix::Accumulate;

/// Accumulates in the order of `TDPBF16PS` (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2).
#[derive(Debug, Clone, Copy)]
pub(super) struct SoftwareTileUnit;

impl TileUnit for SoftwareTileUnit {
    type Configured = ();

    fn configure(self) {}

    fn interleave<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        for (half, tile) in pair.iter_mut().enumerate() {
            for (place, out) in tile.iter_mut().enumerate() {
                let (k, lane) = (place / K_STEP, place % K_STEP);
                *out = round(rows[(2 * k + lane % 2) * stride + half * LANES + lane / 2]);
            }
        }
    }

    fn interleave_and_transpose<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        self.interleave(rows, stride, pair);
        pair.iter_mut().for_each(swap_rows_and_pairs);
    }

    fn transpose<N: Element>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        for (place, out) in pair.as_flattened_mut().iter_mut().enumerate() {
            *out = round(rows[place / K_STEP * stride + place % K_STEP]);
        }
        pair.iter_mut().for_each(swap_rows_and_pairs);
    }

    fn multiply(
        (): &(),
        lhs: LhsTiles<'_>,
        rhs: &[Tile],
        accumulators: &mut Accumulators,
        accumulate: Accumulate,
        _prefetch: &[bf16],
    ) {
        if accumulate == Accumulate::Overwrite {
            *accumulators = Accumulators::ZERO;
        }
        for (step, pair) in rhs.as_chunks::<2>().0.iter().enumerate() {
            for row in 0..MR {
                let half = row / LANES;
                let first = step * lhs.step + half * lhs.lower + row % LANES * lhs.row_stride;
                let values = &lhs.values[first..first + K_STEP];
                for (side, tile) in pair.iter().enumerate() {
                    let out = &mut accumulators.0[half * NR + side * LANES + row % LANES];
                    add_dot_products(values, tile, out);
                }
            }
        }
    }

    fn store(
        (): &(),
        accumulators: &Accumulators,
        bias: &[f32; NR],
        out: &mut MatrixMut<'_>,
        [first, column]: [usize; 2],
    ) {
        for row in 0..MR.min(out.rows() - first) {
            let sums = accumulators.row(row).into_iter().flatten().zip(bias);
            let rounded = sums.map(|(sum, bias)| bf16::from_f32(sum + bias));
            out.row(first + row, column).iter_mut().zip(rounded).for_each(|(out, sum)| *out = sum);
        }
    }
}

/// One row of `TDPBF16PS`: the even and the odd elements of all pairs are summed apart, and then added to `out`.
fn add_dot_products(values: &[bf16], tile: &Tile, out: &mut [f32; LANES]) {
    let mut sums = [[0.0_f32; 2]; LANES];
    for (pair, row) in values.as_chunks::<2>().0.iter().zip(tile.as_chunks::<K_STEP>().0) {
        for (sum, other) in sums.iter_mut().zip(row.as_chunks::<2>().0) {
            // The product of two bfloat16 values is exact in float32.
            sum[0] += pair[0].to_f32() * other[0].to_f32();
            sum[1] += pair[1].to_f32() * other[1].to_f32();
        }
    }
    out.iter_mut().zip(sums).for_each(|(out, [even, odd])| *out += even + odd);
}

fn swap_rows_and_pairs(tile: &mut Tile) {
    let pairs = tile.as_chunks_mut::<2>().0;
    for row in 0..LANES {
        for pair in 0..row {
            pairs.swap(row * LANES + pair, pair * LANES + row);
        }
    }
}

fn round<N: Element>(value: N) -> bf16 {
    bf16::from_f32(value.as_f32())
}
