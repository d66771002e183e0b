//! Attention in bfloat16, one batch element at a time: the scores of a head, in float32, stay in the first-level cache.

mod backward;
mod pair_panels;
mod softmax_rows;

use std::ops::Range;

use half::bf16;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

pub use self::backward::{BackwardInput, backward};
use self::pair_panels::PairPanels;
use self::softmax_rows::softmax_rows;
use super::{AttentionShape, softmax};
use crate::aligned::Aligned;
use crate::avx512_bf16::{Avx512Bf16, LANES, Lhs, MR, NR_VECTORS, Strided};
use crate::dropout::DropoutMask;
use crate::element::Element;

impl AttentionShape {
    /// The padded widths of a row of keys and of a row of a head: whole vectors.
    fn strides(self) -> [usize; 2] {
        [self.seq, self.head_size].map(|size| size.next_multiple_of(LANES))
    }
}

/// The token of the instructions that attention of this head size takes: None where the processor does not have them, or
/// where the head size is odd.
pub fn token(head_size: usize) -> Option<Avx512Bf16> {
    Avx512Bf16::detect().filter(|_| head_size.is_multiple_of(2))
}

/// Attention of `projected`, `[batch·seq, 3·hidden]`: query, key and value side by side → `out`, `[batch·seq, hidden]`, under
/// the additive `mask`, `[batch, seq]`. `probs`, if given, receives the probabilities for the backward pass,
/// `[batch·heads, seq, seq]`: dropped ones have their sign bit set. Dropout happens only where they are saved. The head size
/// is even ([`token`]). Panics if the lengths do not fit.
pub fn forward(
    token: Avx512Bf16,
    shape: AttentionShape,
    out: &mut [bf16],
    (projected, mask): (&[bf16], &[f32]),
    probs: Option<&mut [bf16]>,
    dropout: Option<DropoutMask>,
) {
    let AttentionShape { batch, seq, heads, head_size } = shape;
    let hidden = shape.hidden();
    assert!(head_size.is_multiple_of(2));
    assert_eq!((out.len(), projected.len()), (batch * seq * hidden, batch * seq * 3 * hidden));
    assert_eq!(mask.len(), batch * seq);
    let factors = if probs.is_some() { seq * seq } else { 0 };
    let probs: Vec<Option<&mut [bf16]>> = match probs {
        Some(probs) => {
            assert_eq!(probs.len(), batch * heads * seq * seq);
            probs.chunks_mut(heads * seq * seq).map(Some).collect()
        }
        None => (0..batch).map(|_| None).collect(),
    };
    out.par_chunks_mut(seq * hidden)
        .zip(projected.par_chunks(seq * 3 * hidden).zip(mask.par_chunks(seq)).zip(probs))
        .enumerate()
        .for_each_init(
            || Buffers::new(shape, factors),
            |buffers, (index, (out, ((projected, mask), probs)))| {
                buffers.mask[..seq].copy_from_slice(mask);
                let first_head = index * heads;
                Arch::new().dispatch(BatchElement {
                    token,
                    shape,
                    first_head,
                    out,
                    projected,
                    probs,
                    dropout,
                    buffers,
                });
            },
        );
}

/// Memory that is used again for every head.
struct Buffers {
    /// The keys transposed: `[head_size, seq]`.
    keys: PairPanels,
    /// `[seq, head_size]`
    values: PairPanels,
    /// One entry a key; padding is masked.
    mask: Aligned<f32>,
    /// `[seq, seq]`: dropout's factors; empty where no probabilities are saved.
    factors: Vec<f32>,
    /// Scores and probabilities of a block of rows: `[MR, seq]`, where `seq` is padded to whole vectors.
    scores: Aligned<f32>,
    probs: Aligned<bf16>,
    /// A block's results, `[MR, head_size]`, padded alike.
    context: Aligned<f32>,
}

impl Buffers {
    fn new(shape: AttentionShape, factors: usize) -> Buffers {
        let AttentionShape { seq, head_size, .. } = shape;
        let [keys, columns] = shape.strides();
        Buffers {
            keys: PairPanels::new(head_size, seq),
            values: PairPanels::new(seq, head_size),
            mask: Aligned::new(f32::MIN, keys),
            factors: vec![1.0; factors],
            scores: Aligned::new(0.0, MR * keys),
            probs: Aligned::new(bf16::ZERO, MR * keys),
            context: Aligned::new(0.0, MR * columns),
        }
    }
}

/// One batch element of [`forward`].
struct BatchElement<'a> {
    token: Avx512Bf16,
    shape: AttentionShape,
    /// The number of its first head, among the heads of all batch elements.
    first_head: usize,
    out: &'a mut [bf16],
    projected: &'a [bf16],
    probs: Option<&'a mut [bf16]>,
    dropout: Option<DropoutMask>,
    buffers: &'a mut Buffers,
}

impl NullaryFnOnce for BatchElement<'_> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        for head in 0..self.shape.heads {
            let [query, key, value] = head_of(self.projected, self.shape, head);
            self.buffers.keys.pack_transposed(self.token, &key);
            self.buffers.values.pack(&value);
            if let Some(dropout) = self.dropout {
                dropout.fill_row(self.first_head + head, &mut self.buffers.factors);
            }
            for row in (0..self.shape.seq).step_by(MR) {
                self.rows(head, &query, row..self.shape.seq.min(row + MR));
            }
        }
    }
}

impl BatchElement<'_> {
    /// The results of some rows, at most [`MR`].
    #[inline(always)]
    fn rows(&mut self, head: usize, query: &Strided<&[bf16]>, rows: Range<usize>) {
        let AttentionShape { seq, head_size, .. } = self.shape;
        let Buffers { keys, values, mask, factors, scores, probs, context } = &mut *self.buffers;
        let query = Lhs::from_rows(&query.values[rows.start * query.stride..], query.stride);
        multiply(self.token, &query, keys, scores, rows.len());
        let stride = mask.len();
        softmax_rows(probs, scores, mask, self.shape.scale(), rows.len());
        if let Some(saved) = &mut self.probs {
            for (row, probs) in rows.clone().zip(probs.chunks_exact_mut(stride)) {
                let saved = &mut saved[(head * seq + row) * seq..][..seq];
                save_and_drop(saved, probs, &factors[row * seq..][..seq]);
            }
        }
        multiply(self.token, &Lhs::from_rows(probs, stride), values, context, rows.len());
        let stride = context.len() / MR;
        for (row, context) in rows.zip(context.chunks_exact(stride)) {
            let out = &mut self.out[row * self.shape.hidden() + head * head_size..][..head_size];
            out.iter_mut().zip(context).for_each(|(out, x)| *out = Element::cast(*x));
        }
    }
}

/// Saves probabilities with their sign bits, and applies dropout to them.
#[inline(always)]
fn save_and_drop(saved: &mut [bf16], probs: &mut [bf16], factors: &[f32]) {
    for ((saved, prob), factor) in saved.iter_mut().zip(probs).zip(factors) {
        let x = prob.as_f32();
        *saved = softmax::with_sign_bit(x, *factor);
        *prob = Element::cast(x * factor);
    }
}

/// Query, key and value of one head: `[seq, head_size]`.
#[inline(always)]
fn head_of(projected: &[bf16], shape: AttentionShape, head: usize) -> [Strided<&[bf16]>; 3] {
    let part = |part: usize| &projected[part * shape.hidden() + head * shape.head_size..];
    [0, 1, 2].map(|index| Strided { values: part(index), stride: 3 * shape.hidden() })
}

/// `out = lhs·rhs` for some rows, at most [`MR`].
#[inline(always)]
fn multiply(token: Avx512Bf16, lhs: &Lhs<'_>, rhs: &PairPanels, out: &mut [f32], rows: usize) {
    let stride = out.len() / MR;
    for panel in 0..rhs.len() {
        let (rhs, vectors) = rhs.panel(panel);
        let mut columns = Strided { values: &mut out[panel * NR_VECTORS * LANES..], stride };
        token.multiply(lhs, rhs, &mut columns, (rows, vectors));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{on_threads, product, random_bf16, relative_error, to_f32, transpose};

    const BATCH: usize = 3;
    const HEADS: usize = 2;

    /// The last position of the first batch element is masked where there are others.
    fn mask(seq: usize) -> Vec<f32> {
        let mut mask = vec![0.0; BATCH * seq];
        if seq > 1 {
            mask[seq - 1] = f32::MIN;
        }
        mask
    }

    /// One head's columns of `[seq, width]` rows that are `stride` apart.
    fn columns(values: &[f32], first: usize, stride: usize, [seq, width]: [usize; 2]) -> Vec<f32> {
        (0..seq).flat_map(|row| &values[row * stride + first..][..width]).copied().collect()
    }

    /// Output and gradient by the softmax passes and products in float32.
    fn reference(
        shape: AttentionShape,
        [projected, gradient]: [&[f32]; 2],
        mask: &[f32],
        dropout: Option<DropoutMask>,
    ) -> [Vec<f32>; 2] {
        let AttentionShape { batch, seq, heads, head_size } = shape;
        let (hidden, size) = (shape.hidden(), [seq, head_size]);
        let (mut out, mut out_gradient) =
            (vec![0.0; batch * seq * hidden], vec![0.0; 3 * batch * seq * hidden]);
        let heads_of = |part: usize| -> Vec<Vec<f32>> {
            let head = |index: usize| {
                let projected = &projected[index / heads * seq * 3 * hidden..];
                columns(projected, part * hidden + index % heads * head_size, 3 * hidden, size)
            };
            (0..batch * heads).map(head).collect()
        };
        let [queries, keys, values] = [0, 1, 2].map(heads_of);
        let (to_head, to_square) = ([seq, seq, head_size], [seq, head_size, seq]);
        let scores = queries.iter().zip(&keys);
        let mut probs: Vec<f32> =
            scores.flat_map(|(query, key)| product(query, &transpose(key, head_size), to_square)).collect();
        softmax::forward(&mut probs, mask, shape, dropout);
        let mut dropped = probs.clone();
        if let Some(dropout) = dropout {
            softmax::apply_dropout(&mut dropped, &probs, dropout);
        }
        let contexts: Vec<Vec<f32>> = (0..batch * heads)
            .map(|index| {
                let gradient = &gradient[index / heads * seq * hidden..];
                columns(gradient, index % heads * head_size, hidden, size)
            })
            .collect();
        let of_probs = contexts.iter().zip(&values);
        let mut scores: Vec<f32> = of_probs
            .flat_map(|(context, value)| product(context, &transpose(value, head_size), to_square))
            .collect();
        softmax::backward(&mut scores, &probs, shape, dropout);
        for index in 0..batch * heads {
            let head = |all: &[f32]| all[index * seq * seq..][..seq * seq].to_vec();
            let (dropped, scores) = (head(&dropped), head(&scores));
            let parts = [
                product(&scores, &keys[index], to_head),
                product(&transpose(&scores, seq), &queries[index], to_head),
                product(&transpose(&dropped, seq), &contexts[index], to_head),
            ];
            let context = product(&dropped, &values[index], to_head);
            for row in 0..seq {
                let (place, column) = (index / heads * seq + row, index % heads * head_size);
                let row = row * head_size..(row + 1) * head_size;
                out[place * hidden + column..][..head_size].copy_from_slice(&context[row.clone()]);
                for (part, values) in parts.iter().enumerate() {
                    let first = place * 3 * hidden + part * hidden + column;
                    out_gradient[first..][..head_size].copy_from_slice(&values[row.clone()]);
                }
            }
        }
        [out, out_gradient]
    }

    /// Output and gradient of the fused kernel; the output must not depend on whether probabilities are saved.
    fn fused(
        token: Avx512Bf16,
        shape: AttentionShape,
        [projected, gradient]: [&[bf16]; 2],
        mask: &[f32],
        dropout: Option<DropoutMask>,
    ) -> [Vec<f32>; 2] {
        let AttentionShape { batch, seq, heads, .. } = shape;
        let mut out = vec![bf16::NAN; gradient.len()];
        let mut probs = vec![bf16::NAN; batch * heads * seq * seq];
        forward(token, shape, &mut out, (projected, mask), Some(&mut probs), dropout);
        if dropout.is_none() {
            let mut inferred = vec![bf16::NAN; out.len()];
            forward(token, shape, &mut inferred, (projected, mask), None, None);
            assert_eq!(inferred, out);
        }
        let mut out_gradient = vec![bf16::NAN; projected.len()];
        let keep_scale = dropout.map_or(1.0, DropoutMask::keep_scale);
        let input = BackwardInput { projected, probs: &probs, gradient, keep_scale };
        backward(token, shape, &mut out_gradient, &input);
        [to_f32(&out), to_f32(&out_gradient)]
    }

    fn check(token: Avx512Bf16, [seq, head_size]: [usize; 2], dropout: Option<DropoutMask>) {
        let shape = AttentionShape { batch: BATCH, seq, heads: HEADS, head_size };
        let len = BATCH * seq * shape.hidden();
        let (projected, gradient, mask) = (random_bf16(1, 3 * len), random_bf16(2, len), mask(seq));
        let exact = [to_f32(&projected), to_f32(&gradient)];
        let expect = reference(shape, [&exact[0], &exact[1]], &mask, dropout);
        let run = || fused(token, shape, [&projected, &gradient], &mask, dropout);
        let ours = on_threads(1, run);
        assert_eq!(on_threads(3, run), ours);
        for (ours, expect) in ours.iter().zip(&expect) {
            let error = relative_error(ours, expect);
            assert!(error < 1e-2, "{seq} positions, {head_size} wide, {dropout:?}: {error}");
        }
    }

    #[test]
    fn fused_attention_equals_batched_products() {
        let Some(token) = Avx512Bf16::detect() else {
            eprintln!("skipped: this processor does not have AVX512-BF16");
            return;
        };
        let dropout = DropoutMask::new([7, 0], [3, 1], 0.1);
        for size in [[1, 32], [2, 2], [5, 20], [16, 64], [33, 80], [70, 32], [131, 130]] {
            check(token, size, None);
            check(token, size, Some(dropout));
        }
    }
}
