//! The backward pass of fused attention, one batch element at a time.

use half::bf16;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::pair_panels::PairPanels;
use super::{head_of, multiply};
use crate::attention::AttentionShape;
use crate::attention::softmax::{after_dropout, scores_gradient};
use crate::avx512_bf16::{Avx512Bf16, LANES, Lhs, MR, NR_VECTORS, Strided};
use crate::element::Element;

/// The inputs of a backward pass.
#[derive(Debug, Clone, Copy)]
pub struct BackwardInput<'a> {
    /// `[batch·seq, 3·hidden]`: query, key and value, as the forward pass took them.
    pub projected: &'a [bf16],
    /// `[batch·heads, seq, seq]`: the probabilities, as the forward pass saved them.
    pub probs: &'a [bf16],
    /// `[batch·seq, hidden]`: the gradient of the output.
    pub gradient: &'a [bf16],
    /// The forward pass' [`keep_scale`](crate::DropoutMask::keep_scale), 1 without dropout.
    pub keep_scale: f32,
}

/// The gradient of `projected`: `out` is `[batch·seq, 3·hidden]`. Panics if the lengths do not fit.
pub fn backward(token: Avx512Bf16, shape: AttentionShape, out: &mut [bf16], input: &BackwardInput<'_>) {
    let &BackwardInput { projected, probs, gradient, keep_scale } = input;
    let AttentionShape { batch, seq, heads, head_size } = shape;
    let hidden = shape.hidden();
    assert!(head_size.is_multiple_of(2));
    assert_eq!((out.len(), projected.len()), (batch * seq * 3 * hidden, batch * seq * 3 * hidden));
    assert_eq!((probs.len(), gradient.len()), (batch * heads * seq * seq, batch * seq * hidden));
    out.par_chunks_mut(seq * 3 * hidden)
        .zip(projected.par_chunks(seq * 3 * hidden))
        .zip(probs.par_chunks(heads * seq * seq))
        .zip(gradient.par_chunks(seq * hidden))
        .for_each_init(
            || Buffers::new(shape),
            |buffers, (((out, projected), probs), gradient)| {
                Arch::new().dispatch(BatchElement {
                    token,
                    shape,
                    out,
                    projected,
                    probs,
                    gradient,
                    keep_scale,
                    buffers,
                });
            },
        );
}

/// Memory that is used again for every head; `seq` and `head_size` are padded to whole vectors.
struct Buffers {
    /// The values transposed: `[head_size, seq]`.
    values: PairPanels,
    /// `[seq, head_size]`: keys, then queries, then the gradient of the output.
    rows: PairPanels,
    /// `[seq, seq]`: a matrix whose transpose is multiplied.
    squares: PairPanels,
    /// `[seq, seq]`: the probabilities after dropout, and the gradient of the scores.
    probs: Vec<bf16>,
    scores: Vec<bf16>,
    /// A block's gradient of the probabilities, `[MR, seq]`, and its results, `[MR, head_size]`.
    probs_gradient: Vec<f32>,
    result: Vec<f32>,
}

impl Buffers {
    fn new(shape: AttentionShape) -> Buffers {
        let AttentionShape { seq, head_size, .. } = shape;
        let [keys, columns] = shape.strides();
        Buffers {
            values: PairPanels::new(head_size, seq),
            rows: PairPanels::new(seq, head_size),
            squares: PairPanels::new(seq, seq),
            probs: vec![bf16::ZERO; seq * keys],
            scores: vec![bf16::ZERO; seq * keys],
            probs_gradient: vec![0.0; MR * keys],
            result: vec![0.0; MR * columns],
        }
    }
}

/// One batch element of [`backward`].
struct BatchElement<'a> {
    token: Avx512Bf16,
    shape: AttentionShape,
    out: &'a mut [bf16],
    projected: &'a [bf16],
    probs: &'a [bf16],
    gradient: &'a [bf16],
    keep_scale: f32,
    buffers: &'a mut Buffers,
}

/// A third of `projected`, in its order.
#[derive(Clone, Copy)]
enum Part {
    Query,
    Key,
    Value,
}

impl NullaryFnOnce for BatchElement<'_> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        for head in 0..self.shape.heads {
            self.head(head);
        }
    }
}

impl BatchElement<'_> {
    #[inline(always)]
    fn head(&mut self, head: usize) {
        let AttentionShape { seq, head_size, .. } = self.shape;
        let hidden = self.shape.hidden();
        let [query, key, value] = head_of(self.projected, self.shape, head);
        let gradient = Strided { values: &self.gradient[head * head_size..], stride: hidden };
        self.buffers.values.pack_transposed(self.token, &value);
        for row in (0..seq).step_by(MR) {
            let count = MR.min(seq - row);
            let gradient = Lhs::from_rows(&gradient.values[row * hidden..], hidden);
            let Buffers { values, probs_gradient, .. } = &mut *self.buffers;
            multiply(self.token, &gradient, values, probs_gradient, count);
            // No `for_each`, which is not inlined here, and so not compiled for the processor's vector instructions.
            for index in 0..count {
                self.row(head, row, index);
            }
        }
        self.buffers.rows.pack(&key);
        let [stride, _] = self.shape.strides();
        for row in (0..seq).step_by(MR) {
            let count = MR.min(seq - row);
            let Buffers { rows, scores, result, .. } = &mut *self.buffers;
            let scores = Lhs::from_rows(&scores[row * stride..], stride);
            multiply(self.token, &scores, rows, result, count);
            self.write(head, Part::Query, row, count);
        }
        self.buffers.squares.pack(&Strided { values: &self.buffers.scores, stride });
        self.buffers.rows.pack(&query);
        self.multiply_transposed(head, Part::Key);
        self.buffers.squares.pack(&Strided { values: &self.buffers.probs, stride });
        self.buffers.rows.pack(&gradient);
        self.multiply_transposed(head, Part::Value);
    }

    /// Row number `first + index`: its probabilities after dropout and the gradient of its scores.
    #[inline(always)]
    fn row(&mut self, head: usize, first: usize, index: usize) {
        let Buffers { probs, scores, probs_gradient, .. } = &mut *self.buffers;
        let (seq, row) = (self.shape.seq, first + index);
        let [stride, _] = self.shape.strides();
        let saved = &self.probs[(head * seq + row) * seq..][..seq];
        let probs = &mut probs[row * stride..][..seq];
        probs.iter_mut().zip(saved).for_each(|(prob, saved)| *prob = after_dropout(*saved, self.keep_scale));
        let gradient = &probs_gradient[index * stride..][..seq];
        let scores = &mut scores[row * stride..][..seq];
        scores_gradient(scores, gradient, saved, self.keep_scale, self.shape.scale());
    }

    /// The product of the square's transpose and the rows.
    #[inline(always)]
    fn multiply_transposed(&mut self, head: usize, part: Part) {
        for panel in 0..self.buffers.squares.len() {
            let first = panel * NR_VECTORS * LANES;
            let columns = (NR_VECTORS * LANES).min(self.shape.seq - first);
            for column in (0..columns).step_by(MR) {
                let count = MR.min(columns - column);
                let Buffers { squares, rows, result, .. } = &mut *self.buffers;
                let (square, vectors) = squares.panel(panel);
                multiply(self.token, &Lhs::from_transposed(square, vectors, column), rows, result, count);
                self.write(head, part, first + column, count);
            }
        }
    }

    #[inline(always)]
    fn write(&mut self, head: usize, part: Part, first: usize, count: usize) {
        let (head_size, hidden) = (self.shape.head_size, self.shape.hidden());
        let stride = self.buffers.result.len() / MR;
        for (row, result) in (first..first + count).zip(self.buffers.result.chunks_exact(stride)) {
            let first = row * 3 * hidden + part as usize * hidden + head * head_size;
            let out = &mut self.out[first..][..head_size];
            out.iter_mut().zip(result).for_each(|(out, x)| *out = Element::cast(*x));
        }
    }
}
