//! Dropout, residual connection and LayerNorm in one pass, and their backward pass in another.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::Tensor;

use super::columns::{self, BLOCK_ROWS};
use crate::dropout::RowMasks;
use crate::libtorch::lanes::sum;
use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// What the backward pass needs.
pub(super) struct Normed {
    /// `N[n, hidden]`: normalized, before gain and shift.
    hat: Tensor,
    /// `[n]`: what the centred rows were multiplied by.
    scale: Tensor,
    /// `[hidden]`: the gain.
    weight: Tensor,
}

/// Gradients of what went in.
pub(super) struct Gradients {
    /// `[n, hidden]`
    pub(super) residual: Tensor,
    /// `N[n, hidden]`
    pub(super) branch: Tensor,
    /// `[3, hidden]`: sums over the rows, for gain, shift and the branch's bias.
    sums: Tensor,
}

impl Gradients {
    pub(super) fn weight_sums(&self) -> Tensor {
        self.sums.get(0)
    }

    pub(super) fn bias_sums(&self) -> Tensor {
        self.sums.get(1)
    }

    pub(super) fn branch_sums(&self) -> Tensor {
        self.sums.get(2)
    }
}

/// What is added and multiplied in every row: `[hidden]`.
pub(super) struct Vectors<'a> {
    /// Of the branch.
    pub(super) bias: &'a Tensor,
    pub(super) gain: &'a Tensor,
    pub(super) shift: &'a Tensor,
}

/// `LayerNorm(x + dropout(branch + bias))`: `[n, hidden]` and `N[n, hidden]` → `[n, hidden]`.
pub(super) fn infer<N: Number>(x: &Tensor, branch: &Tensor, vectors: &Vectors<'_>, eps: f64) -> Tensor {
    let blocks = (x.size()[0] as usize).div_ceil(BLOCK_ROWS);
    normed::<N>(x, branch, vectors, eps, None, (0..blocks).map(|_| None).collect())
}

/// The same in training.
pub(super) fn forward<N: Number>(
    x: &Tensor,
    branch: &Tensor,
    vectors: &Vectors<'_>,
    eps: f64,
    masks: Option<RowMasks>,
) -> (Tensor, Normed) {
    let size = x.size();
    let (mut hat, mut scale) = (empty::<N>(&size), empty::<f32>(&size[..1]));
    let hats = numbers_mut::<N>(&mut hat).chunks_mut(BLOCK_ROWS * size[1] as usize);
    let kept = hats.zip(numbers_mut::<f32>(&mut scale).chunks_mut(BLOCK_ROWS));
    let kept = kept.map(|(hat, scale)| Some(Kept { hat, scale })).collect();
    let out = normed::<N>(x, branch, vectors, eps, masks, kept);
    (out, Normed { hat, scale, weight: vectors.gain.shallow_clone() })
}

/// `kept` is for every [`BLOCK_ROWS`].
fn normed<N: Number>(
    x: &Tensor,
    branch: &Tensor,
    vectors: &Vectors<'_>,
    eps: f64,
    masks: Option<RowMasks>,
    kept: Vec<Option<Kept<'_, N>>>,
) -> Tensor {
    let size = x.size();
    let mut out = empty::<f32>(&size);
    let (x, branch) = (numbers::<f32>(x), numbers::<N>(branch));
    let [bias, gain, shift] = [vectors.bias, vectors.gain, vectors.shift].map(numbers::<f32>);
    let (block, eps) = (BLOCK_ROWS * size[1] as usize, eps as f32);
    numbers_mut::<f32>(&mut out)
        .par_chunks_mut(block)
        .zip(kept)
        .zip(x.par_chunks(block).zip(branch.par_chunks(block)))
        .enumerate()
        .for_each(|(index, ((out, kept), (x, branch)))| {
            let (first, masks) = (index * BLOCK_ROWS, &masks);
            let rows = ForwardBlock { first, out, kept, x, branch, bias, gain, shift, eps, masks };
            Arch::new().dispatch(rows);
        });
    out
}

/// Some rows of what [`Normed`] has.
struct Kept<'a, N> {
    hat: &'a mut [N],
    scale: &'a mut [f32],
}

/// Some rows, of which the first is number `first`. A type, because closures are not compiled for the processor at hand.
struct ForwardBlock<'a, N> {
    first: usize,
    out: &'a mut [f32],
    kept: Option<Kept<'a, N>>,
    x: &'a [f32],
    branch: &'a [N],
    bias: &'a [f32],
    gain: &'a [f32],
    shift: &'a [f32],
    eps: f32,
    masks: &'a Option<RowMasks>,
}

impl<N: Number> NullaryFnOnce for ForwardBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let width = self.gain.len();
        let [mut sum, mut mask] = [vec![0.0; width], vec![1.0; width]];
        let inputs = self.x.chunks_exact(width).zip(self.branch.chunks_exact(width));
        for (row, (out, (x, branch))) in self.out.chunks_exact_mut(width).zip(inputs).enumerate() {
            if let Some(masks) = self.masks {
                masks.fill(self.first + row, &mut mask);
            }
            let branch = branch.iter().zip(self.bias).zip(&mask);
            for ((sum, x), ((branch, bias), mask)) in sum.iter_mut().zip(x).zip(branch) {
                *sum = x + (branch.widen() + bias) * mask;
            }
            let scale = normalize(&mut sum, self.eps);
            for ((out, normal), (gain, shift)) in
                out.iter_mut().zip(&sum).zip(self.gain.iter().zip(self.shift))
            {
                *out = normal * gain + shift;
            }
            if let Some(kept) = &mut self.kept {
                let hat = &mut kept.hat[row * width..][..width];
                hat.iter_mut().zip(&sum).for_each(|(hat, normal)| *hat = N::narrow(*normal));
                kept.scale[row] = scale;
            }
        }
    }
}

/// One row; returns what its centred numbers were multiplied by.
#[inline(always)]
fn normalize(row: &mut [f32], eps: f32) -> f32 {
    let width = row.len() as f32;
    let mean = sum(row, row, |x, _| x) / width;
    let variance = sum(row, row, |x, _| (x - mean) * (x - mean)) / width;
    let scale = 1.0 / (variance + eps).sqrt();
    row.iter_mut().for_each(|x| *x = (*x - mean) * scale);
    scale
}

impl Normed {
    /// Given the output's gradient: `[n, hidden]`, and what else flows into it: `N[n, hidden]`.
    pub(super) fn backward<N: Number>(
        &self,
        gradient: &Tensor,
        more: Option<&Tensor>,
        masks: Option<RowMasks>,
    ) -> Gradients {
        let size = gradient.size();
        let width = size[1] as usize;
        let [mut residual, mut branch] = [empty::<f32>(&size), empty::<N>(&size)];
        let mut partial = columns::partial_sums(size[0], 3 * size[1]);
        let whole = gradient.contiguous();
        let (gradient, hat) = (numbers::<f32>(&whole), numbers::<N>(&self.hat));
        let more = more.map_or(&[][..], |more| numbers::<N>(more));
        let (scale, gain) = (numbers::<f32>(&self.scale), numbers::<f32>(&self.weight));
        let block = BLOCK_ROWS * width;
        numbers_mut::<f32>(&mut residual)
            .par_chunks_mut(block)
            .zip(numbers_mut::<N>(&mut branch).par_chunks_mut(block))
            .zip(numbers_mut::<f32>(&mut partial).par_chunks_mut(3 * width))
            .zip(gradient.par_chunks(block).zip(hat.par_chunks(block)).zip(scale.par_chunks(BLOCK_ROWS)))
            .enumerate()
            .for_each(|(index, (((residual, branch), sums), ((gradient, hat), scale)))| {
                let more = more.chunks(block).nth(index).unwrap_or(&[]);
                let first = index * BLOCK_ROWS;
                let masks = &masks;
                Arch::new().dispatch(BackwardBlock {
                    first,
                    residual,
                    branch,
                    sums,
                    gradient,
                    more,
                    hat,
                    scale,
                    gain,
                    masks,
                });
            });
        Gradients { residual, branch, sums: columns::total(&partial, 3).view([3, size[1]]) }
    }
}

/// Some rows, of which the first is number `first`.
struct BackwardBlock<'a, N> {
    first: usize,
    residual: &'a mut [f32],
    branch: &'a mut [N],
    sums: &'a mut [f32],
    gradient: &'a [f32],
    /// Empty where nothing else flows in.
    more: &'a [N],
    hat: &'a [N],
    scale: &'a [f32],
    gain: &'a [f32],
    masks: &'a Option<RowMasks>,
}

impl<N: Number> NullaryFnOnce for BackwardBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.gain.len();
        let [mut total, mut mask] = [vec![0.0; width], vec![1.0; width]];
        let rows = self.residual.chunks_exact_mut(width).zip(self.branch.chunks_exact_mut(width));
        let inputs = self.gradient.chunks_exact(width).zip(self.hat.chunks_exact(width)).zip(self.scale);
        for (row, ((residual, branch), ((gradient, hat), scale))) in rows.zip(inputs).enumerate() {
            if let Some(masks) = self.masks {
                masks.fill(self.first + row, &mut mask);
            }
            total.copy_from_slice(gradient);
            let more = self.more.get(row * width..(row + 1) * width).unwrap_or(&[]);
            total.iter_mut().zip(more).for_each(|(total, more)| *total += more.widen());
            let row = Row { gradient: &total, hat, gain: self.gain, mask: &mask, scale: *scale };
            row.backward(residual, branch, self.sums);
        }
    }
}

struct Row<'a, N> {
    gradient: &'a [f32],
    hat: &'a [N],
    gain: &'a [f32],
    mask: &'a [f32],
    scale: f32,
}

impl<N: Number> Row<'_, N> {
    #[inline(always)]
    fn backward(&self, residual: &mut [f32], branch: &mut [N], sums: &mut [f32]) {
        let width = self.gradient.len();
        // The gradient of what is normalized, put where the result will be.
        for ((out, gradient), gain) in residual.iter_mut().zip(self.gradient).zip(self.gain) {
            *out = gradient * gain;
        }
        let mean = sum(residual, residual, |x, _| x) / width as f32;
        let along = sum(residual, self.hat, |x, hat| x * hat.widen()) / width as f32;
        for ((out, branch), (hat, mask)) in
            residual.iter_mut().zip(branch.iter_mut()).zip(self.hat.iter().zip(self.mask))
        {
            *out = self.scale * (*out - mean - hat.widen() * along);
            *branch = N::narrow(*out * mask);
        }
        let (weights, rest) = sums.split_at_mut(width);
        let (biases, branches) = rest.split_at_mut(width);
        for ((weight, gradient), hat) in weights.iter_mut().zip(self.gradient).zip(self.hat) {
            *weight += gradient * hat.widen();
        }
        biases.iter_mut().zip(self.gradient).for_each(|(bias, gradient)| *bias += gradient);
        branches.iter_mut().zip(branch).for_each(|(sum, branch)| *sum += branch.widen());
    }
}
