//! Attention probabilities with dropout in one pass, and their backward pass in another. A dropped probability is stored
//! with its sign bit set, so that the backward pass knows both the probability and the mask.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::AttentionShape;
use crate::dropout::DropoutMask;
use crate::element::Element;
use crate::exp::exp;
use crate::reduce::{max, sum};

/// `softmax(scores·scale + mask)` over the keys, in place: `[batch·heads, seq, seq]`, under the additive `mask`,
/// `[batch, seq]`; dropped probabilities have their sign bit set. Panics if the lengths do not fit.
pub fn forward<N: Element>(
    scores: &mut [N],
    mask: &[f32],
    shape: AttentionShape,
    dropout: Option<DropoutMask>,
) {
    let AttentionShape { batch, seq, heads, .. } = shape;
    assert_eq!((scores.len(), mask.len()), (batch * heads * seq * seq, batch * seq));
    scores.par_chunks_mut(seq * seq).enumerate().for_each(|(index, scores)| {
        let mask = &mask[index / heads * seq..][..seq];
        Arch::new().dispatch(ForwardHead { index, scores, mask, scale: shape.scale(), dropout: &dropout });
    });
}

/// The probabilities after dropout, from those of [`forward`]. Panics if the lengths differ.
pub fn apply_dropout<N: Element>(out: &mut [N], probs: &[N], dropout: DropoutMask) {
    assert_eq!(out.len(), probs.len());
    let keep_scale = dropout.keep_scale();
    out.par_chunks_mut(CHUNK)
        .zip(probs.par_chunks(CHUNK))
        .for_each(|(out, probs)| Arch::new().dispatch(ApplyDropout { out, probs, keep_scale }));
}

/// The gradient of the scores, in place, from the `gradient` of the probabilities after dropout: `[batch·heads, seq, seq]`
/// each; `probs` are those of [`forward`]. Panics if the lengths differ.
pub fn backward<N: Element>(
    gradient: &mut [N],
    probs: &[N],
    shape: AttentionShape,
    dropout: Option<DropoutMask>,
) {
    assert_eq!(gradient.len(), probs.len());
    let (seq, scale) = (shape.seq, shape.scale());
    let keep_scale = dropout.map_or(1.0, DropoutMask::keep_scale);
    gradient.par_chunks_mut(seq * seq).zip(probs.par_chunks(seq * seq)).for_each(|(gradient, probs)| {
        Arch::new().dispatch(BackwardHead { seq, gradient, probs, keep_scale, scale });
    });
}

/// One head of one batch element: its number, and `[seq, seq]` scores.
struct ForwardHead<'a, N> {
    index: usize,
    scores: &'a mut [N],
    mask: &'a [f32],
    scale: f32,
    dropout: &'a Option<DropoutMask>,
}

impl<N: Element> NullaryFnOnce for ForwardHead<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let seq = self.mask.len();
        let [mut row, mut factors] = [vec![0.0; seq], vec![1.0; seq * seq]];
        if let Some(dropout) = self.dropout {
            dropout.fill_row(self.index, &mut factors);
        }
        for (scores, factors) in self.scores.chunks_exact_mut(seq).zip(factors.chunks_exact(seq)) {
            softmax(scores, self.mask, self.scale, &mut row);
            for ((prob, x), factor) in scores.iter_mut().zip(&row).zip(factors) {
                *prob = with_sign_bit(*x, *factor);
            }
        }
    }
}

struct ApplyDropout<'a, N> {
    out: &'a mut [N],
    probs: &'a [N],
    keep_scale: f32,
}

impl<N: Element> NullaryFnOnce for ApplyDropout<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (out, prob) in self.out.iter_mut().zip(self.probs) {
            *out = after_dropout(*prob, self.keep_scale);
        }
    }
}

struct BackwardHead<'a, N> {
    seq: usize,
    gradient: &'a mut [N],
    probs: &'a [N],
    keep_scale: f32,
    scale: f32,
}

impl<N: Element> NullaryFnOnce for BackwardHead<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let mut row = vec![0.0; self.seq];
        let rows = self.gradient.chunks_exact_mut(self.seq).zip(self.probs.chunks_exact(self.seq));
        for (gradient, probs) in rows {
            row.iter_mut().zip(&*gradient).for_each(|(x, gradient)| *x = gradient.as_f32());
            scores_gradient(gradient, &row, probs, self.keep_scale, self.scale);
        }
    }
}

/// Elements of one task of a pass without rows.
const CHUNK: usize = 1 << 14;

/// The factor of dropout, from the sign bit of a stored probability.
#[inline(always)]
fn dropout_factor(prob: f32, keep_scale: f32) -> f32 {
    if prob.is_sign_negative() { 0.0 } else { keep_scale }
}

#[inline(always)]
fn softmax<N: Element>(scores: &[N], mask: &[f32], scale: f32, row: &mut [f32]) {
    for ((x, score), mask) in row.iter_mut().zip(scores).zip(mask) {
        *x = score.as_f32() * scale + mask;
    }
    let max = max(row);
    row.iter_mut().for_each(|x| *x = exp(*x - max));
    let inverse = 1.0 / sum(row, row, |x, _| x);
    row.iter_mut().for_each(|x| *x *= inverse);
}

/// A probability as it is stored: its sign bit is set if dropout's `factor` is 0.
#[inline(always)]
pub(super) fn with_sign_bit<N: Element>(prob: f32, factor: f32) -> N {
    N::cast(if factor == 0.0 { -prob } else { prob })
}

/// A stored probability after dropout.
#[inline(always)]
pub(super) fn after_dropout<N: Element>(prob: N, keep_scale: f32) -> N {
    N::cast(prob.as_f32() * dropout_factor(prob.as_f32(), keep_scale))
}

/// The gradient of a row of scores, from the `gradient` of the probabilities after dropout and the stored `probs`.
#[inline(always)]
pub(super) fn scores_gradient<N: Element>(
    scores: &mut [N],
    gradient: &[f32],
    probs: &[N],
    keep_scale: f32,
    scale: f32,
) {
    let mean = sum(gradient, probs, |gradient, prob| {
        let prob = prob.as_f32();
        gradient * dropout_factor(prob, keep_scale) * prob.abs()
    });
    for ((score, gradient), prob) in scores.iter_mut().zip(gradient).zip(probs) {
        let prob = prob.as_f32();
        *score = N::cast((gradient * dropout_factor(prob, keep_scale) - mean) * prob.abs() * scale);
    }
}
