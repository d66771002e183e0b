//! A tile unit in plain Rust, so that packing, blocking and edges are tested on every processor.

use half::bf16;

use super::{BLOCK, DEPTH, LANES, LeftTiles, Number, Start, Sums, Tile, TileUnit, Window};

/// Sums in the order of `TDPBF16PS` (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2).
#[derive(Clone, Copy)]
pub(in super::super) struct SoftwareTileUnit;

impl TileUnit for SoftwareTileUnit {
    type Configured = ();

    fn configure(self) {}

    fn interleave<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        for (half, tile) in pair.iter_mut().enumerate() {
            for (place, out) in tile.iter_mut().enumerate() {
                let (k, lane) = (place / DEPTH, place % DEPTH);
                *out = narrow(rows[(2 * k + lane % 2) * stride + half * LANES + lane / 2]);
            }
        }
    }

    fn interleave_and_transpose<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        self.interleave(rows, stride, pair);
        pair.iter_mut().for_each(swap_rows_and_pairs);
    }

    fn transpose<N: Number>(self, rows: &[N], stride: usize, pair: &mut [Tile; 2]) {
        for (place, out) in pair.as_flattened_mut().iter_mut().enumerate() {
            *out = narrow(rows[place / DEPTH * stride + place % DEPTH]);
        }
        pair.iter_mut().for_each(swap_rows_and_pairs);
    }

    fn multiply(
        (): &(),
        left: LeftTiles<'_>,
        right: &[Tile],
        sums: &mut Sums,
        start: Start,
        _ahead: &[bf16],
    ) {
        if start == Start::Zero {
            *sums = Sums::ZERO;
        }
        for (step, pair) in right.as_chunks::<2>().0.iter().enumerate() {
            for row in 0..BLOCK {
                let half = row / LANES;
                let first = step * left.step + half * left.lower + row % LANES * left.row_stride;
                let numbers = &left.numbers[first..first + DEPTH];
                for (side, tile) in pair.iter().enumerate() {
                    let out = &mut sums.0[half * BLOCK + side * LANES + row % LANES];
                    add_dot_products(numbers, tile, out);
                }
            }
        }
    }

    fn put((): &(), sums: &Sums, bias: &[f32; BLOCK], out: &mut Window<'_>, [first, column]: [usize; 2]) {
        for row in 0..BLOCK.min(out.rows() - first) {
            let numbers = sums.row(row).into_iter().flatten().zip(bias);
            let narrow = numbers.map(|(sum, bias)| bf16::from_f32(sum + bias));
            out.row(first + row, column).iter_mut().zip(narrow).for_each(|(out, number)| *out = number);
        }
    }
}

/// One row of `TDPBF16PS`: the even and the odd numbers of all pairs are summed apart, and then added to `out`.
fn add_dot_products(numbers: &[bf16], tile: &Tile, out: &mut [f32; LANES]) {
    let mut sums = [[0.0_f32; 2]; LANES];
    for (pair, row) in numbers.as_chunks::<2>().0.iter().zip(tile.as_chunks::<DEPTH>().0) {
        for (sum, other) in sums.iter_mut().zip(row.as_chunks::<2>().0) {
            // The product of two bfloat16 numbers is exact in float32.
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

fn narrow<N: Number>(number: N) -> bf16 {
    bf16::from_f32(number.widen())
}
