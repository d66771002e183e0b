//! Softmax over a block of rows, step by step for all of them: the steps of one row wait for one another.

use half::bf16;

use crate::avx512_bf16::{LANES, MR};
use crate::element::Element;
use crate::exp::exp;
use crate::reduce::{max, tree_reduce};

/// `probs = softmax(scores·scale + mask)` for the first `rows` of a block, whose `scores` are overwritten, under the
/// additive `mask` of every key. The keys of all three are padded to whole vectors.
#[inline(always)]
pub(super) fn softmax_rows(probs: &mut [bf16], scores: &mut [f32], mask: &[f32], scale: f32, rows: usize) {
    let mask = mask.as_chunks::<LANES>().0;
    let (scores, probs) = (scores.as_chunks_mut::<LANES>().0, probs.as_chunks_mut::<LANES>().0);
    let (scores, probs) = (&mut scores[..rows * mask.len()], &mut probs[..rows * mask.len()]);
    let [mut maxima, mut factors] = [[0.0; MR]; 2];
    for (row, row_max) in scores.chunks_exact_mut(mask.len()).zip(&mut maxima) {
        let values = row.as_flattened_mut();
        values.iter_mut().zip(mask.as_flattened()).for_each(|(x, mask)| *x = *x * scale + mask);
        *row_max = max(values);
    }
    for ((row, factor), row_max) in scores.chunks_exact_mut(mask.len()).zip(&mut factors).zip(maxima) {
        *factor = 1.0 / exponentials(row, row_max);
    }
    let rows = probs.chunks_exact_mut(mask.len()).zip(scores.chunks_exact(mask.len()));
    for ((probs, row), factor) in rows.zip(factors) {
        let values = probs.as_flattened_mut().iter_mut().zip(row.as_flattened());
        values.for_each(|(prob, x)| *prob = Element::cast(x * factor));
    }
}

/// `exp(x - max)`, in place; returns the sum. Rows are whole vectors here: for slices of any length, as `attention::softmax`
/// takes them, an evaluation takes 2 % longer (bench/RESULTS.md).
#[inline(always)]
fn exponentials(row: &mut [[f32; LANES]], max: f32) -> f32 {
    let mut sums = [0.0; LANES];
    for row in row {
        for lane in 0..LANES {
            row[lane] = exp(row[lane] - max);
            sums[lane] += row[lane];
        }
    }
    tree_reduce(sums, |a, b| a + b)
}
