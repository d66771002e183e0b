//! Passes over the rows of a wide matrix, such as logits of a vocabulary.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::Tensor;

use super::softmax::exp;
use crate::libtorch::lanes::{largest, sum};
use crate::libtorch::memory::{empty, numbers, numbers_mut};

/// `[n, width]` → `[n, 1]`: the logarithm of the sum of a row's exponentials.
pub(in crate::libtorch) fn log_sum_exp(matrix: &Tensor) -> Tensor {
    let size = matrix.size();
    let mut out = empty::<f32>(&[size[0], 1]);
    numbers_mut::<f32>(&mut out)
        .par_iter_mut()
        .zip(numbers::<f32>(matrix).par_chunks(size[1] as usize))
        .for_each(|(out, row)| *out = Arch::new().dispatch(LogSumExp(row)));
    out
}

/// Softmax, whose logarithms of sums are at hand, times `scale`, in the memory of the matrix.
pub(in crate::libtorch) fn scaled_softmax(mut matrix: Tensor, normalizers: &Tensor, scale: f32) -> Tensor {
    let width = matrix.size()[1] as usize;
    numbers_mut::<f32>(&mut matrix)
        .par_chunks_mut(width)
        .zip(numbers::<f32>(normalizers))
        .for_each(|(row, &normalizer)| Arch::new().dispatch(ScaledSoftmax { row, normalizer, scale }));
    matrix
}

/// How many rows are largest at their class, or of equal numbers first there.
pub(in crate::libtorch) fn largest_at(matrix: &Tensor, classes: &[i64]) -> usize {
    let rows = numbers::<f32>(matrix).par_chunks(matrix.size()[1] as usize).zip(classes);
    rows.filter(|&(row, &class)| Arch::new().dispatch(IsLargest { row, class })).count()
}

/// A type, because closures are not compiled for the processor at hand.
struct LogSumExp<'a>(&'a [f32]);

impl NullaryFnOnce for LogSumExp<'_> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let largest = largest(self.0);
        largest + sum(self.0, self.0, |x, _| exp(x - largest)).ln()
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

struct IsLargest<'a> {
    row: &'a [f32],
    class: i64,
}

impl NullaryFnOnce for IsLargest<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let class = usize::try_from(self.class).unwrap_or(usize::MAX);
        let Some((before, rest)) = self.row.split_at_checked(class) else { return false };
        rest.first().is_some_and(|&at| largest(before) < at && largest(rest) <= at)
    }
}
