//! Attention in bfloat16 an example at a time: the scores of a head, in float32, stay in the fastest memory.

mod backward;
mod panels;
mod weights;

use std::ops::Range;

use half::bf16;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::Tensor;

use self::panels::Panels;
use self::weights::put_weights;
use super::Sizes;
use crate::dropout::RowMasks;
use crate::libtorch::cpu::aligned::Aligned;
use crate::libtorch::cpu::pairs::{LANES, Left, Processor, Rows, TILE_LANES, TILE_ROWS};
use crate::libtorch::cpu::softmax;
use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// What the backward pass needs.
pub(in crate::libtorch::cpu) struct Kept {
    processor: Processor,
    sizes: Sizes,
    /// `bf16[n, 3·hidden]`
    projected: Tensor,
    /// The weights, `bf16[batch·heads, seq, seq]`; what is dropped has its sign bit set.
    signed: Tensor,
    /// What dropout multiplies a weight by that stays.
    kept: f32,
}

impl Sizes {
    /// Of rows of keys and of a head's rows: both in whole lanes.
    fn strides(self) -> [usize; 2] {
        [self.seq, self.width].map(|size| size.next_multiple_of(LANES))
    }
}

/// `bf16[n, 3·hidden]` → `bf16[n, hidden]`, under the additive `mask`: `[batch, seq]`.
pub(super) fn infer(processor: Processor, projected: &Tensor, mask: &Tensor, sizes: Sizes) -> Tensor {
    let unkept = (0..sizes.batch).map(|_| None).collect();
    attend(processor, projected, mask, sizes, unkept, None)
}

/// The same in training.
pub(super) fn forward(
    processor: Processor,
    projected: &Tensor,
    mask: &Tensor,
    sizes: Sizes,
    masks: Option<RowMasks>,
) -> (Tensor, Kept) {
    let seq = sizes.seq as i64;
    let mut signed = empty::<bf16>(&[(sizes.batch * sizes.heads) as i64, seq, seq]);
    let weights = numbers_mut::<bf16>(&mut signed).chunks_mut(sizes.heads * sizes.seq * sizes.seq);
    let context = attend(processor, projected, mask, sizes, weights.map(Some).collect(), masks);
    let kept = masks.map_or(1.0, RowMasks::kept);
    (context, Kept { processor, sizes, projected: projected.shallow_clone(), signed, kept })
}

/// `kept` is for every example's weights, where they are.
fn attend(
    processor: Processor,
    projected: &Tensor,
    mask: &Tensor,
    sizes: Sizes,
    kept: Vec<Option<&mut [bf16]>>,
    masks: Option<RowMasks>,
) -> Tensor {
    let (seq, hidden) = (sizes.seq, sizes.hidden());
    let mut out = empty::<bf16>(&[(sizes.batch * seq) as i64, hidden as i64]);
    let (all, mask) = (numbers::<bf16>(projected), numbers::<f32>(mask));
    let drops = if kept.iter().any(Option::is_some) { seq * seq } else { 0 };
    numbers_mut::<bf16>(&mut out)
        .par_chunks_mut(seq * hidden)
        .zip(all.par_chunks(seq * 3 * hidden).zip(mask.par_chunks(seq)).zip(kept))
        .enumerate()
        .for_each_init(
            || Memory::new(sizes, drops),
            |memory, (example, (out, ((projected, mask), kept)))| {
                memory.mask[..seq].copy_from_slice(mask);
                let first_head = example * sizes.heads;
                Arch::new().dispatch(Example {
                    processor,
                    sizes,
                    first_head,
                    out,
                    projected,
                    kept,
                    masks,
                    memory,
                });
            },
        );
    out
}

/// What is used again for every head.
struct Memory {
    /// The keys transposed: `[width, seq]`.
    keys: Panels,
    /// `[seq, width]`
    values: Panels,
    /// For every key, and so that there are none beyond them.
    mask: Aligned<f32>,
    /// `[seq, seq]`: what dropout multiplies the weights by; empty without training.
    drops: Vec<f32>,
    /// A tile's scores, and then its weights: `[TILE_ROWS, seq]`, where `seq` is rounded up to whole lanes.
    scores: Aligned<f32>,
    weights: Aligned<bf16>,
    /// A tile's results, `[TILE_ROWS, width]`, rounded up alike.
    context: Aligned<f32>,
}

impl Memory {
    fn new(sizes: Sizes, drops: usize) -> Memory {
        let Sizes { seq, width, .. } = sizes;
        let [keys, columns] = sizes.strides();
        Memory {
            keys: Panels::new(width, seq),
            values: Panels::new(seq, width),
            mask: Aligned::new(f32::MIN, keys),
            drops: vec![1.0; drops],
            scores: Aligned::new(0.0, TILE_ROWS * keys),
            weights: Aligned::new(bf16::ZERO, TILE_ROWS * keys),
            context: Aligned::new(0.0, TILE_ROWS * columns),
        }
    }
}

/// A type, because closures are not compiled for the processor at hand.
struct Example<'a> {
    processor: Processor,
    sizes: Sizes,
    /// Its number, among all examples' heads.
    first_head: usize,
    out: &'a mut [bf16],
    projected: &'a [bf16],
    kept: Option<&'a mut [bf16]>,
    masks: Option<RowMasks>,
    memory: &'a mut Memory,
}

impl NullaryFnOnce for Example<'_> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        for head in 0..self.sizes.heads {
            let [query, key, value] = parts(self.projected, self.sizes, head);
            self.memory.keys.put_transposed(self.processor, &key);
            self.memory.values.put(&value);
            if let Some(masks) = self.masks {
                masks.fill(self.first_head + head, &mut self.memory.drops);
            }
            for row in (0..self.sizes.seq).step_by(TILE_ROWS) {
                self.tile(head, &query, row..self.sizes.seq.min(row + TILE_ROWS));
            }
        }
    }
}

impl Example<'_> {
    /// The context of some rows.
    #[inline(always)]
    fn tile(&mut self, head: usize, query: &Rows<&[bf16]>, rows: Range<usize>) {
        let Sizes { seq, width, .. } = self.sizes;
        let Memory { keys, values, mask, drops, scores, weights, context } = &mut *self.memory;
        let query = Left::of_rows(&query.numbers[rows.start * query.stride..], query.stride);
        multiply(self.processor, &query, keys, scores, rows.len());
        let stride = mask.len();
        put_weights(weights, scores, mask, self.sizes.scale(), rows.len());
        if let Some(kept) = &mut self.kept {
            for (row, weights) in rows.clone().zip(weights.chunks_exact_mut(stride)) {
                let signed = &mut kept[(head * seq + row) * seq..][..seq];
                keep(signed, weights, &drops[row * seq..][..seq]);
            }
        }
        multiply(self.processor, &Left::of_rows(weights, stride), values, context, rows.len());
        let stride = context.len() / TILE_ROWS;
        for (row, context) in rows.zip(context.chunks_exact(stride)) {
            let out = &mut self.out[row * self.sizes.hidden() + head * width..][..width];
            out.iter_mut().zip(context).for_each(|(out, x)| *out = Number::narrow(*x));
        }
    }
}

/// Drops weights, keeping what they were.
#[inline(always)]
fn keep(signed: &mut [bf16], weights: &mut [bf16], drops: &[f32]) {
    for ((signed, weight), drop) in signed.iter_mut().zip(weights).zip(drops) {
        let x = weight.widen();
        *signed = softmax::signed(x, *drop);
        *weight = Number::narrow(x * drop);
    }
}

/// A head's query, key and value: `[seq, width]`.
#[inline(always)]
fn parts(projected: &[bf16], sizes: Sizes, head: usize) -> [Rows<&[bf16]>; 3] {
    let part = |part: usize| &projected[part * sizes.hidden() + head * sizes.width..];
    [0, 1, 2].map(|index| Rows { numbers: part(index), stride: 3 * sizes.hidden() })
}

/// `left`·`right` of some rows, in the `product`'s memory.
#[inline(always)]
fn multiply(processor: Processor, left: &Left<'_>, right: &Panels, product: &mut [f32], rows: usize) {
    let stride = product.len() / TILE_ROWS;
    for panel in 0..right.len() {
        let (right, lanes) = right.panel(panel);
        let mut columns = Rows { numbers: &mut product[panel * TILE_LANES * LANES..], stride };
        processor.multiply(left, right, &mut columns, (rows, lanes));
    }
}
