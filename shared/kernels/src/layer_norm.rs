//! Dropout, residual connection and LayerNorm (Ba et al., 2016, <https://arxiv.org/abs/1607.06450>) in one pass, and
//! their backward pass in another.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use crate::column_sum::{self, BLOCK_ROWS};
use crate::dropout::DropoutMask;
use crate::element::Element;
use crate::reduce::sum;

/// The vectors that every row is combined with, `[hidden]` each, and `ε`.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a> {
    /// The bias of the projection that the branch comes from.
    pub branch_bias: &'a [f32],
    /// The norm's weight.
    pub weight: &'a [f32],
    /// The norm's bias.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
}

/// The values that a forward pass writes for its backward pass.
#[derive(Debug)]
pub struct SavedForBackward<'a, N> {
    /// `[n, hidden]`: normalized rows, before weight and bias.
    pub x_hat: &'a mut [N],
    /// `[n]`: `1 / √(variance + ε)`
    pub rstd: &'a mut [f32],
}

/// `LayerNorm(x + dropout(branch + branch_bias))`: `[n, hidden]` each. Panics if the lengths do not fit.
pub fn forward<N: Element>(
    out: &mut [f32],
    saved: Option<SavedForBackward<'_, N>>,
    (x, branch): (&[f32], &[N]),
    parameters: &Parameters<'_>,
    dropout: Option<DropoutMask>,
) {
    let width = parameters.weight.len();
    assert_eq!((parameters.branch_bias.len(), parameters.bias.len()), (width, width));
    assert_eq!((x.len(), branch.len()), (out.len(), out.len()));
    assert!(out.len().is_multiple_of(width));
    let block = BLOCK_ROWS * width;
    let saved: Vec<Option<SavedForBackward<'_, N>>> = match saved {
        Some(SavedForBackward { x_hat, rstd }) => {
            assert_eq!((x_hat.len(), rstd.len()), (out.len(), out.len() / width));
            let blocks = x_hat.chunks_mut(block).zip(rstd.chunks_mut(BLOCK_ROWS));
            blocks.map(|(x_hat, rstd)| Some(SavedForBackward { x_hat, rstd })).collect()
        }
        None => (0..out.len().div_ceil(block)).map(|_| None).collect(),
    };
    out.par_chunks_mut(block)
        .zip(saved)
        .zip(x.par_chunks(block).zip(branch.par_chunks(block)))
        .enumerate()
        .for_each(|(index, ((out, saved), (x, branch)))| {
            let (first_row, dropout) = (index * BLOCK_ROWS, &dropout);
            Arch::new().dispatch(ForwardBlock { first_row, out, saved, x, branch, parameters, dropout });
        });
}

/// At most [`BLOCK_ROWS`] rows.
struct ForwardBlock<'a, N> {
    first_row: usize,
    out: &'a mut [f32],
    saved: Option<SavedForBackward<'a, N>>,
    x: &'a [f32],
    branch: &'a [N],
    parameters: &'a Parameters<'a>,
    dropout: &'a Option<DropoutMask>,
}

impl<N: Element> NullaryFnOnce for ForwardBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let Parameters { branch_bias, weight, bias, eps } = *self.parameters;
        let width = weight.len();
        let [mut sum, mut mask] = [vec![0.0; width], vec![1.0; width]];
        let inputs = self.x.chunks_exact(width).zip(self.branch.chunks_exact(width));
        for (row, (out, (x, branch))) in self.out.chunks_exact_mut(width).zip(inputs).enumerate() {
            if let Some(dropout) = self.dropout {
                dropout.fill_row(self.first_row + row, &mut mask);
            }
            let branch = branch.iter().zip(branch_bias).zip(&mask);
            for ((sum, x), ((branch, bias), mask)) in sum.iter_mut().zip(x).zip(branch) {
                *sum = x + (branch.as_f32() + bias) * mask;
            }
            let rstd = normalize(&mut sum, eps);
            for ((out, x_hat), (weight, bias)) in out.iter_mut().zip(&sum).zip(weight.iter().zip(bias)) {
                *out = x_hat * weight + bias;
            }
            if let Some(saved) = &mut self.saved {
                let x_hat = &mut saved.x_hat[row * width..][..width];
                x_hat.iter_mut().zip(&sum).for_each(|(out, x_hat)| *out = N::cast(*x_hat));
                saved.rstd[row] = rstd;
            }
        }
    }
}

/// Normalizes one row in place; returns `1 / √(variance + ε)`.
#[inline(always)]
fn normalize(row: &mut [f32], eps: f32) -> f32 {
    let width = row.len() as f32;
    let mean = sum(row, row, |x, _| x) / width;
    let variance = sum(row, row, |x, _| (x - mean) * (x - mean)) / width;
    let rstd = 1.0 / (variance + eps).sqrt();
    row.iter_mut().for_each(|x| *x = (*x - mean) * rstd);
    rstd
}

/// The inputs of a backward pass.
#[derive(Debug, Clone, Copy)]
pub struct BackwardInput<'a, N> {
    /// `[n, hidden]`: the gradient of the output.
    pub gradient: &'a [f32],
    /// `[n, hidden]`: a second part of that gradient, which is added to the first.
    pub branch_gradient: Option<&'a [N]>,
    /// [`SavedForBackward::x_hat`]
    pub x_hat: &'a [N],
    /// [`SavedForBackward::rstd`]
    pub rstd: &'a [f32],
    /// [`Parameters::weight`]
    pub weight: &'a [f32],
}

/// The outputs of a backward pass.
#[derive(Debug)]
pub struct Gradients<'a, N> {
    /// `[n, hidden]`: the gradient of the residual input `x`.
    pub residual: &'a mut [f32],
    /// `[n, hidden]`: the gradient of the branch.
    pub branch: &'a mut [N],
    /// `[3, hidden]`: the gradients of the norm's weight, the norm's bias and the branch's bias.
    pub parameters: &'a mut [f32],
}

/// The gradients of [`forward`]. Panics if the lengths do not fit.
pub fn backward<N: Element>(
    gradients: Gradients<'_, N>,
    input: &BackwardInput<'_, N>,
    dropout: Option<DropoutMask>,
) {
    let BackwardInput { gradient, x_hat, rstd, weight, .. } = *input;
    let (len, width) = (gradient.len(), weight.len());
    let branch_gradient = input.branch_gradient.unwrap_or(&[]);
    assert!(input.branch_gradient.is_none_or(|gradient| gradient.len() == len));
    assert!(len.is_multiple_of(width));
    assert_eq!((x_hat.len(), rstd.len()), (len, len / width));
    assert_eq!((gradients.residual.len(), gradients.branch.len()), (len, len));
    assert_eq!(gradients.parameters.len(), 3 * width);
    let mut partial = column_sum::partial_sums(len / width, 3 * width);
    let block = BLOCK_ROWS * width;
    gradients
        .residual
        .par_chunks_mut(block)
        .zip(gradients.branch.par_chunks_mut(block))
        .zip(partial.par_chunks_mut(3 * width))
        .zip(gradient.par_chunks(block).zip(x_hat.par_chunks(block)).zip(rstd.par_chunks(BLOCK_ROWS)))
        .enumerate()
        .for_each(|(index, (((residual, branch), sums), ((gradient, x_hat), rstd)))| {
            Arch::new().dispatch(BackwardBlock {
                first_row: index * BLOCK_ROWS,
                residual,
                branch,
                sums,
                gradient,
                branch_gradient: branch_gradient.chunks(block).nth(index).unwrap_or(&[]),
                x_hat,
                rstd,
                weight,
                dropout: &dropout,
            });
        });
    column_sum::total(&partial, 3, gradients.parameters);
}

/// At most [`BLOCK_ROWS`] rows.
struct BackwardBlock<'a, N> {
    first_row: usize,
    residual: &'a mut [f32],
    branch: &'a mut [N],
    /// `[3, hidden]`: grows by the parameters' gradients.
    sums: &'a mut [f32],
    gradient: &'a [f32],
    /// Empty where there is no second part.
    branch_gradient: &'a [N],
    x_hat: &'a [N],
    rstd: &'a [f32],
    weight: &'a [f32],
    dropout: &'a Option<DropoutMask>,
}

impl<N: Element> NullaryFnOnce for BackwardBlock<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.weight.len();
        let [mut total, mut mask] = [vec![0.0; width], vec![1.0; width]];
        let rows = self.residual.chunks_exact_mut(width).zip(self.branch.chunks_exact_mut(width));
        let inputs = self.gradient.chunks_exact(width).zip(self.x_hat.chunks_exact(width)).zip(self.rstd);
        for (row, ((residual, branch), ((gradient, x_hat), rstd))) in rows.zip(inputs).enumerate() {
            if let Some(dropout) = self.dropout {
                dropout.fill_row(self.first_row + row, &mut mask);
            }
            total.copy_from_slice(gradient);
            let more = self.branch_gradient.get(row * width..(row + 1) * width).unwrap_or(&[]);
            total.iter_mut().zip(more).for_each(|(total, more)| *total += more.as_f32());
            let row = Row { gradient: &total, x_hat, weight: self.weight, mask: &mask, rstd: *rstd };
            row.backward(residual, branch, self.sums);
        }
    }
}

struct Row<'a, N> {
    gradient: &'a [f32],
    x_hat: &'a [N],
    weight: &'a [f32],
    mask: &'a [f32],
    rstd: f32,
}

impl<N: Element> Row<'_, N> {
    #[inline(always)]
    fn backward(&self, residual: &mut [f32], branch: &mut [N], sums: &mut [f32]) {
        let width = self.gradient.len();
        // The gradient of the normalized row, in the memory of the result.
        for ((out, gradient), weight) in residual.iter_mut().zip(self.gradient).zip(self.weight) {
            *out = gradient * weight;
        }
        let mean = sum(residual, residual, |x, _| x) / width as f32;
        let projection = sum(residual, self.x_hat, |x, x_hat| x * x_hat.as_f32()) / width as f32;
        for ((out, branch), (x_hat, mask)) in
            residual.iter_mut().zip(branch.iter_mut()).zip(self.x_hat.iter().zip(self.mask))
        {
            *out = self.rstd * (*out - mean - x_hat.as_f32() * projection);
            *branch = N::cast(*out * mask);
        }
        let (weights, rest) = sums.split_at_mut(width);
        let (biases, branches) = rest.split_at_mut(width);
        for ((weight, gradient), x_hat) in weights.iter_mut().zip(self.gradient).zip(self.x_hat) {
            *weight += gradient * x_hat.as_f32();
        }
        biases.iter_mut().zip(self.gradient).for_each(|(bias, gradient)| *bias += gradient);
        branches.iter_mut().zip(branch).for_each(|(sum, branch)| *sum += branch.as_f32());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{on_threads, random};

    const ROWS: usize = 37;
    const WIDTH: usize = 20;

    struct Inputs {
        x: Vec<f32>,
        branch: Vec<f32>,
        branch_bias: Vec<f32>,
        weight: Vec<f32>,
        bias: Vec<f32>,
    }

    impl Inputs {
        fn new() -> Inputs {
            Inputs {
                x: random(1, ROWS * WIDTH),
                branch: random(2, ROWS * WIDTH),
                branch_bias: random(3, WIDTH),
                weight: random(4, WIDTH),
                bias: random(5, WIDTH),
            }
        }

        fn parameters(&self) -> Parameters<'_> {
            let Inputs { branch_bias, weight, bias, .. } = self;
            Parameters { branch_bias, weight, bias, eps: 1e-5 }
        }

        /// In float64: `Σ gradient·output`.
        fn loss(&self, gradient: &[f32], mask: &[f32]) -> f64 {
            let mut loss = 0.0;
            for row in 0..ROWS {
                let place = |column: usize| row * WIDTH + column;
                let sums: Vec<f64> = (0..WIDTH)
                    .map(|column| {
                        let branch =
                            f64::from(self.branch[place(column)]) + f64::from(self.branch_bias[column]);
                        f64::from(self.x[place(column)]) + branch * f64::from(mask[place(column)])
                    })
                    .collect();
                let mean = sums.iter().sum::<f64>() / WIDTH as f64;
                let variance = sums.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / WIDTH as f64;
                for (column, x) in sums.iter().enumerate() {
                    let x_hat = (x - mean) / (variance + 1e-5).sqrt();
                    let out = x_hat * f64::from(self.weight[column]) + f64::from(self.bias[column]);
                    loss += out * f64::from(gradient[place(column)]);
                }
            }
            loss
        }
    }

    fn dropout() -> DropoutMask {
        DropoutMask::new([7, 0], [1, 2], 0.25)
    }

    /// Output, residual's, branch's and parameters' gradients.
    fn run(inputs: &Inputs, gradient: &[f32]) -> [Vec<f32>; 4] {
        let [mut out, mut x_hat, mut residual, mut branch] = [(); 4].map(|()| vec![f32::NAN; ROWS * WIDTH]);
        let (mut rstd, mut parameters) = (vec![f32::NAN; ROWS], vec![f32::NAN; 3 * WIDTH]);
        let saved = SavedForBackward { x_hat: &mut x_hat, rstd: &mut rstd };
        let rows = (&inputs.x[..], &inputs.branch[..]);
        forward(&mut out, Some(saved), rows, &inputs.parameters(), Some(dropout()));
        let half: Vec<f32> = gradient.iter().map(|x| x / 2.0).collect();
        let input = BackwardInput {
            gradient: &half,
            branch_gradient: Some(&half),
            x_hat: &x_hat,
            rstd: &rstd,
            weight: &inputs.weight,
        };
        let gradients =
            Gradients { residual: &mut residual, branch: &mut branch, parameters: &mut parameters };
        backward(gradients, &input, Some(dropout()));
        [out, residual, branch, parameters]
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let (mut inputs, gradient) = (Inputs::new(), random(6, ROWS * WIDTH));
        let mut mask = vec![f32::NAN; ROWS * WIDTH];
        dropout().fill(WIDTH, &mut mask);
        let [out, residual, branch, parameters] = run(&inputs, &gradient);
        let sum: f64 =
            out.iter().zip(&gradient).map(|(x, gradient)| f64::from(*x) * f64::from(*gradient)).sum();
        assert!((sum - inputs.loss(&gradient, &mask)).abs() < 1e-3);
        type Field = fn(&mut Inputs) -> &mut Vec<f32>;
        let (weights, biases) = parameters.split_at(WIDTH);
        let checks: [(Field, &[f32]); 5] = [
            (|inputs| &mut inputs.x, &residual),
            (|inputs| &mut inputs.branch, &branch),
            (|inputs| &mut inputs.weight, weights),
            (|inputs| &mut inputs.bias, &biases[..WIDTH]),
            (|inputs| &mut inputs.branch_bias, &biases[WIDTH..]),
        ];
        for (number, (field, ours)) in checks.into_iter().enumerate() {
            for place in [0, 7, WIDTH - 1, ours.len() - 1] {
                let mut at = |step: f32| {
                    field(&mut inputs)[place] += step;
                    let loss = inputs.loss(&gradient, &mask);
                    field(&mut inputs)[place] -= step;
                    loss
                };
                let expect = (at(1.0 / 256.0) - at(-1.0 / 256.0)) * 128.0;
                let error = (f64::from(ours[place]) - expect).abs();
                assert!(
                    error < 1e-2 * (1.0 + expect.abs()),
                    "{number}, {place}: {} for {expect}",
                    ours[place]
                );
            }
        }
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads_nor_on_what_is_saved() {
        let (inputs, gradient) = (Inputs::new(), random(6, ROWS * WIDTH));
        let expect = on_threads(1, || run(&inputs, &gradient));
        assert_eq!(on_threads(3, || run(&inputs, &gradient)), expect);
        let mut out = vec![f32::NAN; ROWS * WIDTH];
        let rows = (&inputs.x[..], &inputs.branch[..]);
        forward(&mut out, None, rows, &inputs.parameters(), Some(dropout()));
        assert_eq!(out, expect[0]);
    }
}
