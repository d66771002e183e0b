//! The backward pass of attention, an example at a time.

use half::bf16;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::Tensor;

use super::panels::Panels;
use super::{Kept, Sizes, multiply, parts};
use crate::libtorch::cpu::pairs::{LANES, Left, Processor, Rows, TILE_LANES, TILE_ROWS};
use crate::libtorch::cpu::softmax::{dropped, scores_gradient};
use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

impl Kept {
    /// `bf16[n, hidden]` → `bf16[n, 3·hidden]`
    pub(in super::super) fn backward(&self, context: &Tensor) -> Tensor {
        let &Kept { processor, sizes, kept, .. } = self;
        let (seq, hidden) = (sizes.seq, sizes.hidden());
        let mut out = empty::<bf16>(&self.projected.size());
        numbers_mut::<bf16>(&mut out)
            .par_chunks_mut(seq * 3 * hidden)
            .zip(numbers::<bf16>(&self.projected).par_chunks(seq * 3 * hidden))
            .zip(numbers::<bf16>(&self.signed).par_chunks(sizes.heads * seq * seq))
            .zip(numbers::<bf16>(context).par_chunks(seq * hidden))
            .for_each_init(
                || Memory::new(sizes),
                |memory, (((out, projected), signed), context)| {
                    Arch::new().dispatch(Example {
                        processor,
                        sizes,
                        out,
                        projected,
                        signed,
                        context,
                        kept,
                        memory,
                    });
                },
            );
        out
    }
}

/// What is used again for every head; `seq` and `width` are rounded up to whole lanes.
struct Memory {
    /// The values transposed: `[width, seq]`.
    values: Panels,
    /// `[seq, width]`: keys, then queries, then the gradient of the context.
    rows: Panels,
    /// `[seq, seq]`, what is to be transposed.
    squares: Panels,
    /// `[seq, seq]`: the weights after dropout, and the gradient of the scores.
    weights: Vec<bf16>,
    scores: Vec<bf16>,
    /// A tile's gradient of the weights, `[TILE_ROWS, seq]`, and its results, `[TILE_ROWS, width]`.
    gradient: Vec<f32>,
    result: Vec<f32>,
}

impl Memory {
    fn new(sizes: Sizes) -> Memory {
        let Sizes { seq, width, .. } = sizes;
        let [keys, columns] = sizes.strides();
        Memory {
            values: Panels::new(width, seq),
            rows: Panels::new(seq, width),
            squares: Panels::new(seq, seq),
            weights: vec![bf16::ZERO; seq * keys],
            scores: vec![bf16::ZERO; seq * keys],
            gradient: vec![0.0; TILE_ROWS * keys],
            result: vec![0.0; TILE_ROWS * columns],
        }
    }
}

/// A type, because closures are not compiled for the processor at hand.
struct Example<'a> {
    processor: Processor,
    sizes: Sizes,
    out: &'a mut [bf16],
    projected: &'a [bf16],
    signed: &'a [bf16],
    context: &'a [bf16],
    /// What dropout multiplies a weight by that stays.
    kept: f32,
    memory: &'a mut Memory,
}

/// Whose gradient it is, by its place.
#[derive(Clone, Copy)]
enum Part {
    Query,
    Key,
    Value,
}

impl NullaryFnOnce for Example<'_> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        for head in 0..self.sizes.heads {
            self.head(head);
        }
    }
}

impl Example<'_> {
    #[inline(always)]
    fn head(&mut self, head: usize) {
        let Sizes { seq, width, .. } = self.sizes;
        let hidden = self.sizes.hidden();
        let [query, key, value] = parts(self.projected, self.sizes, head);
        let context = Rows { numbers: &self.context[head * width..], stride: hidden };
        self.memory.values.put_transposed(self.processor, &value);
        for row in (0..seq).step_by(TILE_ROWS) {
            let count = TILE_ROWS.min(seq - row);
            let context = Left::of_rows(&context.numbers[row * hidden..], hidden);
            multiply(self.processor, &context, &self.memory.values, &mut self.memory.gradient, count);
            // No `for_each`, which is not inlined here, and so not compiled for the processor at hand.
            for index in 0..count {
                self.row(head, row, index);
            }
        }
        self.memory.rows.put(&key);
        let [stride, _] = self.sizes.strides();
        for row in (0..seq).step_by(TILE_ROWS) {
            let count = TILE_ROWS.min(seq - row);
            let Memory { rows, scores, result, .. } = &mut *self.memory;
            let scores = Left::of_rows(&scores[row * stride..], stride);
            multiply(self.processor, &scores, rows, result, count);
            self.write(head, Part::Query, row, count);
        }
        self.memory.squares.put(&Rows { numbers: &self.memory.scores, stride });
        self.memory.rows.put(&query);
        self.of_columns(head, Part::Key);
        self.memory.squares.put(&Rows { numbers: &self.memory.weights, stride });
        self.memory.rows.put(&context);
        self.of_columns(head, Part::Value);
    }

    /// Row number `first + index`: its weights after dropout and the gradient of its scores.
    #[inline(always)]
    fn row(&mut self, head: usize, first: usize, index: usize) {
        let Memory { weights, scores, gradient, .. } = &mut *self.memory;
        let (seq, row) = (self.sizes.seq, first + index);
        let [stride, _] = self.sizes.strides();
        let signed = &self.signed[(head * seq + row) * seq..][..seq];
        let weights = &mut weights[row * stride..][..seq];
        weights.iter_mut().zip(signed).for_each(|(weight, signed)| *weight = dropped(*signed, self.kept));
        let gradient = &gradient[index * stride..][..seq];
        let scores = &mut scores[row * stride..][..seq];
        scores_gradient(scores, gradient, signed, self.kept, self.sizes.scale());
    }

    /// The product of the square's columns with the rows.
    #[inline(always)]
    fn of_columns(&mut self, head: usize, part: Part) {
        for panel in 0..self.memory.squares.len() {
            let first = panel * TILE_LANES * LANES;
            let columns = (TILE_LANES * LANES).min(self.sizes.seq - first);
            for column in (0..columns).step_by(TILE_ROWS) {
                let count = TILE_ROWS.min(columns - column);
                let Memory { squares, rows, result, .. } = &mut *self.memory;
                let (square, lanes) = squares.panel(panel);
                multiply(self.processor, &Left::of_columns(square, lanes, column), rows, result, count);
                self.write(head, part, first + column, count);
            }
        }
    }

    #[inline(always)]
    fn write(&mut self, head: usize, part: Part, first: usize, count: usize) {
        let (width, hidden) = (self.sizes.width, self.sizes.hidden());
        let stride = self.memory.result.len() / TILE_ROWS;
        for (row, result) in (first..first + count).zip(self.memory.result.chunks_exact(stride)) {
            let out = &mut self.out[row * 3 * hidden + part as usize * hidden + head * width..][..width];
            out.iter_mut().zip(result).for_each(|(out, x)| *out = Number::narrow(*x));
        }
    }
}
