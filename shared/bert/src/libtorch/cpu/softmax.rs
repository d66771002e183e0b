//! Attention weights with dropout in one pass, and their backward pass in another.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::Tensor;

use crate::dropout::RowMasks;
use crate::libtorch::lanes::{largest, sum};
use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// Attention weights: softmax over the last dimension.
pub(super) struct Weights {
    /// `N[batch·heads, seq, seq]`; what is dropped has its sign bit set.
    signed: Tensor,
    masks: Option<RowMasks>,
    /// What the scores are multiplied by.
    scale: f32,
}

impl Weights {
    /// Of the `scores`, in whose memory they are put, under the additive `mask`: `[batch, seq]`.
    pub(super) fn of<N: Number>(
        mut scores: Tensor,
        mask: &Tensor,
        scale: f32,
        masks: Option<RowMasks>,
    ) -> Weights {
        let size = scores.size();
        let seq = size[1] as usize;
        let heads = (size[0] / mask.size()[0]) as usize;
        let additive = numbers::<f32>(mask);
        numbers_mut::<N>(&mut scores).par_chunks_mut(seq * seq).enumerate().for_each(|(index, scores)| {
            let additive = &additive[index / heads * seq..][..seq];
            Arch::new().dispatch(ForwardBlock { index, scores, additive, scale, masks: &masks });
        });
        Weights { signed: scores, masks, scale }
    }

    /// After dropout.
    pub(super) fn dropped<N: Number>(&self) -> Tensor {
        let Some(masks) = self.masks else { return self.signed.shallow_clone() };
        let mut dropped = empty::<N>(&self.signed.size());
        let kept = masks.kept();
        numbers_mut::<N>(&mut dropped)
            .par_chunks_mut(BLOCK)
            .zip(numbers::<N>(&self.signed).par_chunks(BLOCK))
            .for_each(|(dropped, signed)| Arch::new().dispatch(DropBlock { dropped, signed, kept }));
        dropped
    }

    /// The gradient of the scores, put in the memory of the dropped weights' `gradient`.
    pub(super) fn backward<N: Number>(&self, mut gradient: Tensor) -> Tensor {
        let seq = gradient.size()[2] as usize;
        let (kept, scale) = (self.masks.map_or(1.0, RowMasks::kept), self.scale);
        numbers_mut::<N>(&mut gradient)
            .par_chunks_mut(seq * seq)
            .zip(numbers::<N>(&self.signed).par_chunks(seq * seq))
            .for_each(|(gradient, signed)| {
                Arch::new().dispatch(BackwardBlock { seq, gradient, signed, kept, scale });
            });
        gradient
    }
}

/// One head of one example: its number, and `[seq, seq]` scores. A type, because closures are not compiled for the processor
/// at hand.
struct ForwardBlock<'a, N> {
    index: usize,
    scores: &'a mut [N],
    additive: &'a [f32],
    scale: f32,
    masks: &'a Option<RowMasks>,
}

impl<N: Number> NullaryFnOnce for ForwardBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let seq = self.additive.len();
        let [mut row, mut mask] = [vec![0.0; seq], vec![1.0; seq * seq]];
        if let Some(masks) = self.masks {
            masks.fill(self.index, &mut mask);
        }
        for (scores, mask) in self.scores.chunks_exact_mut(seq).zip(mask.chunks_exact(seq)) {
            softmax(scores, self.additive, self.scale, &mut row);
            for ((weight, x), mask) in scores.iter_mut().zip(&row).zip(mask) {
                *weight = signed(*x, *mask);
            }
        }
    }
}

struct DropBlock<'a, N> {
    dropped: &'a mut [N],
    signed: &'a [N],
    kept: f32,
}

impl<N: Number> NullaryFnOnce for DropBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (out, signed) in self.dropped.iter_mut().zip(self.signed) {
            *out = dropped(*signed, self.kept);
        }
    }
}

struct BackwardBlock<'a, N> {
    seq: usize,
    gradient: &'a mut [N],
    signed: &'a [N],
    kept: f32,
    scale: f32,
}

impl<N: Number> NullaryFnOnce for BackwardBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let mut row = vec![0.0; self.seq];
        let rows = self.gradient.chunks_exact_mut(self.seq).zip(self.signed.chunks_exact(self.seq));
        for (gradient, signed) in rows {
            row.iter_mut().zip(&*gradient).for_each(|(x, gradient)| *x = gradient.widen());
            scores_gradient(gradient, &row, signed, self.kept, self.scale);
        }
    }
}

/// Numbers that one task takes of a pass without rows.
const BLOCK: usize = 1 << 14;

/// What dropout multiplies a weight by.
#[inline(always)]
fn factor(signed: f32, kept: f32) -> f32 {
    if signed.is_sign_negative() { 0.0 } else { kept }
}

#[inline(always)]
fn softmax<N: Number>(scores: &[N], additive: &[f32], scale: f32, row: &mut [f32]) {
    for ((x, score), additive) in row.iter_mut().zip(scores).zip(additive) {
        *x = score.widen() * scale + additive;
    }
    let largest = largest(row);
    row.iter_mut().for_each(|x| *x = exp(*x - largest));
    let inverse = 1.0 / sum(row, row, |x, _| x);
    row.iter_mut().for_each(|x| *x *= inverse);
}

/// A weight as it is kept, by what dropout multiplies it by.
#[inline(always)]
pub(super) fn signed<N: Number>(x: f32, mask: f32) -> N {
    N::narrow(if mask == 0.0 { -x } else { x })
}

/// A weight after dropout.
#[inline(always)]
pub(super) fn dropped<N: Number>(signed: N, kept: f32) -> N {
    N::narrow(signed.widen() * factor(signed.widen(), kept))
}

/// Of a row, from the `gradient` of the dropped weights.
#[inline(always)]
pub(super) fn scores_gradient<N: Number>(
    scores: &mut [N],
    gradient: &[f32],
    signed: &[N],
    kept: f32,
    scale: f32,
) {
    let mean = sum(gradient, signed, |gradient, signed| {
        let signed = signed.widen();
        gradient * factor(signed, kept) * signed.abs()
    });
    for ((score, gradient), signed) in scores.iter_mut().zip(gradient).zip(signed) {
        let signed = signed.widen();
        *score = N::narrow((gradient * factor(signed, kept) - mean) * signed.abs() * scale);
    }
}

/// `e^x` for `-87 ≤ x ≤ 0` to a unit in the last place, and 0 below: 2 to a whole power times a polynomial (Cephes' `expf`),
/// without the branches that keep a compiler from taking many at a time.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding it rounds to a whole number, which stands in the sum's low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const TERMS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    // Zero, not e^-87: a factor would make a denormal number of that, which takes a processor many times as long. A NaN stays one.
    let vanishes = x < -87.0;
    let x = if vanishes { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * LN_2[0] - whole * LN_2[1];
    let series = TERMS.iter().fold(0.0, |series, term| series * rest + term);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000));
    if vanishes { 0.0 } else { (series * rest * rest + rest + 1.0) * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_function() {
        for thousandth in 0..87_000 {
            let x = thousandth as f32 * -1e-3;
            let expect = f64::from(x).exp();
            let error = (f64::from(exp(x)) / expect - 1.0).abs();
            assert!(error < 2e-7, "exp({x}) is off by {error}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::MIN), 0.0);
        assert!(exp(f32::NAN).is_nan());
    }
}
