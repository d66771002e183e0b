//! Passes over the rows of wide float32 matrices, such as logits over a vocabulary.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use crate::exp::exp;
use crate::matrix::Matrix;
use crate::reduce::{max, sum};

/// `ln Σ exp(x)` of every row: `[n, labels]` → `[n]`. Panics if the lengths do not fit.
pub fn log_sum_exp(out: &mut [f32], logits: Matrix<'_, f32>) {
    assert_eq!(out.len(), logits.rows());
    out.par_iter_mut()
        .zip(logits.values().par_chunks(logits.columns()))
        .for_each(|(out, row)| *out = Arch::new().dispatch(LogSumExp(row)));
}

/// `softmax(logits)·scale`, in place, where `normalizers` are the [`log_sum_exp`] of the rows: `[n, labels]` and `[n]`.
pub fn scaled_softmax(logits: &mut [f32], labels: usize, normalizers: &[f32], scale: f32) {
    assert_eq!(logits.len(), labels * normalizers.len());
    logits
        .par_chunks_mut(labels)
        .zip(normalizers)
        .for_each(|(row, &normalizer)| Arch::new().dispatch(ScaledSoftmax { row, normalizer, scale }));
}

/// The number of rows that are largest at their class; of equal logits the first counts. A class outside the columns is
/// never right.
pub fn count_correct(logits: Matrix<'_, f32>, classes: &[i64]) -> usize {
    let rows = logits.values().par_chunks(logits.columns()).zip(classes);
    rows.filter(|&(row, &class)| Arch::new().dispatch(IsArgmax { row, class })).count()
}

struct LogSumExp<'a>(&'a [f32]);

impl NullaryFnOnce for LogSumExp<'_> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let max = max(self.0);
        max + sum(self.0, self.0, |x, _| exp(x - max)).ln()
    }
}

struct ScaledSoftmax<'a> {
    row: &'a mut [f32],
    normalizer: f32,
    scale: f32,
}

impl NullaryFnOnce for ScaledSoftmax<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.row.iter_mut().for_each(|x| *x = exp(*x - self.normalizer) * self.scale);
    }
}

struct IsArgmax<'a> {
    row: &'a [f32],
    class: i64,
}

impl NullaryFnOnce for IsArgmax<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let class = usize::try_from(self.class).unwrap_or(usize::MAX);
        let Some((before, rest)) = self.row.split_at_checked(class) else { return false };
        rest.first().is_some_and(|&at| max(before) < at && max(rest) <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::random;

    const ROWS: usize = 9;
    const LABELS: usize = 301;

    #[test]
    fn softmax_equals_the_definition() {
        let mut logits: Vec<f32> = random(1, ROWS * LABELS).into_iter().map(|x| 8.0 * x).collect();
        let before = logits.clone();
        let mut normalizers = [f32::NAN; ROWS];
        log_sum_exp(&mut normalizers, Matrix::new(&logits, LABELS));
        scaled_softmax(&mut logits, LABELS, &normalizers, 0.5);
        let rows = before.chunks(LABELS).zip(logits.chunks(LABELS));
        for ((before, softmax), normalizer) in rows.zip(normalizers) {
            let sum: f64 = before.iter().map(|&x| f64::from(x).exp()).sum();
            assert!((f64::from(normalizer) - sum.ln()).abs() < 1e-6 * sum.ln().abs());
            for (x, ours) in before.iter().zip(softmax) {
                let expect = f64::from(*x).exp() / sum * 0.5;
                assert!((f64::from(*ours) - expect).abs() < 1e-6, "{ours} is not {expect}");
            }
        }
    }

    #[test]
    fn the_first_of_equal_logits_counts() {
        let logits = [1.0, 2.0, 2.0, 3.0, -1.0, 2.0];
        let correct = |classes: [i64; 2]| count_correct(Matrix::new(&logits, 3), &classes);
        assert_eq!((correct([1, 0]), correct([2, 2]), correct([0, 0])), (2, 0, 1));
        assert_eq!((correct([-1, 3]), correct([i64::MAX, 0])), (0, 1));
    }
}
