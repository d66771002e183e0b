//! Softmax over the rows of a tile, step by step for all of them: a row's own steps wait for one another.

use half::bf16;

use crate::libtorch::cpu::pairs::{LANES, TILE_ROWS};
use crate::libtorch::cpu::softmax::exp;
use crate::libtorch::lanes::{halved, largest};
use crate::libtorch::memory::Number;

/// Makes weights of the first `rows` of a tile's `scores`, which are used up, under the additive `mask` of every key: all three are
/// whole lanes wide.
#[inline(always)]
pub(super) fn put_weights(weights: &mut [bf16], scores: &mut [f32], mask: &[f32], scale: f32, rows: usize) {
    let mask = mask.as_chunks::<LANES>().0;
    let (scores, weights) = (scores.as_chunks_mut::<LANES>().0, weights.as_chunks_mut::<LANES>().0);
    let (scores, weights) = (&mut scores[..rows * mask.len()], &mut weights[..rows * mask.len()]);
    let [mut most, mut factors] = [[0.0; TILE_ROWS]; 2];
    for (row, most) in scores.chunks_exact_mut(mask.len()).zip(&mut most) {
        let numbers = row.as_flattened_mut();
        numbers.iter_mut().zip(mask.as_flattened()).for_each(|(x, mask)| *x = *x * scale + mask);
        *most = largest(numbers);
    }
    for ((row, factor), most) in scores.chunks_exact_mut(mask.len()).zip(&mut factors).zip(most) {
        *factor = 1.0 / exponentials(row, most);
    }
    let rows = weights.chunks_exact_mut(mask.len()).zip(scores.chunks_exact(mask.len()));
    for ((weights, row), factor) in rows.zip(factors) {
        let numbers = weights.as_flattened_mut().iter_mut().zip(row.as_flattened());
        numbers.for_each(|(weight, x)| *weight = Number::narrow(x * factor));
    }
}

/// Returns their sum. Lanes are whole here: by slices of any length, as `softmax` takes them, an evaluation takes 2 % longer (bench/RESULTS.md).
#[inline(always)]
fn exponentials(row: &mut [[f32; LANES]], largest: f32) -> f32 {
    let mut sums = [0.0; LANES];
    for row in row {
        for lane in 0..LANES {
            row[lane] = exp(row[lane] - largest);
            sums[lane] += row[lane];
        }
    }
    halved(sums, |a, b| a + b)
}
