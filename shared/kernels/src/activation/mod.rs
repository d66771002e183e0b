//! Bias and activation in one pass, and their backward pass in another.

mod table;

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use half::bf16;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use self::table::Table;
use crate::column_sum::{self, BLOCK_ROWS};
use crate::element::Element;
use crate::exp::exp;

/// An activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// GELU (Hendrycks and Gimpel, 2016, <https://arxiv.org/abs/1606.08415>).
    Gelu,
    /// GELU, approximated by the hyperbolic tangent.
    GeluNew,
    /// `max(x, 0)`
    Relu,
    /// GELU, cut at -10 and 10.
    Gelu10,
    /// `x·σ(1.702·x)`
    QuickGelu,
    /// `x·σ(x)`
    Silu,
}

/// An element type that activations have a pass for: float32 values are computed, bfloat16 values looked up in a table.
pub trait Activate: Element {
    /// Some rows of [`forward`].
    fn forward_rows(
        x: &mut [Self],
        pre_activation: Option<&mut [Self]>,
        bias: &[f32],
        activation: Activation,
    );

    /// Some rows of [`backward`]; adds to the `sums` over the rows.
    fn backward_rows(
        gradient: &mut [Self],
        output: &mut [Self],
        sums: &mut [f32],
        pre_activation: &[Self],
        activation: Activation,
    );
}

/// `x = activation(x + bias)`, in place: `[n, width]` and `[width]`. `pre_activation`, if given, receives `x + bias` for
/// the backward pass. Panics if the lengths do not fit.
pub fn forward<N: Activate>(
    x: &mut [N],
    pre_activation: Option<&mut [N]>,
    bias: &[f32],
    activation: Activation,
) {
    assert!(x.len().is_multiple_of(bias.len()));
    let block = BLOCK_ROWS * bias.len();
    let len = x.len();
    let x = x.par_chunks_mut(block);
    match pre_activation {
        Some(pre_activation) => {
            assert_eq!(pre_activation.len(), len);
            x.zip(pre_activation.par_chunks_mut(block)).for_each(|(x, pre_activation)| {
                N::forward_rows(x, Some(pre_activation), bias, activation);
            });
        }
        None => x.for_each(|x| N::forward_rows(x, None, bias, activation)),
    }
}

/// `gradient *= activation'(pre_activation)`, in place: `[n, width]`. Writes the activation into `output`, `[n, width]`, so
/// that it need not be saved, and the sums of the gradient's rows into `bias_gradient`, `[width]`. Panics if the lengths do
/// not fit.
pub fn backward<N: Activate>(
    gradient: &mut [N],
    output: &mut [N],
    bias_gradient: &mut [f32],
    pre_activation: &[N],
    activation: Activation,
) {
    let (len, width) = (pre_activation.len(), bias_gradient.len());
    assert!(len.is_multiple_of(width));
    assert_eq!((gradient.len(), output.len()), (len, len));
    let mut partial = column_sum::partial_sums(len / width, width);
    let block = BLOCK_ROWS * width;
    partial
        .par_chunks_mut(width)
        .zip(gradient.par_chunks_mut(block))
        .zip(output.par_chunks_mut(block))
        .zip(pre_activation.par_chunks(block))
        .for_each(|(((sums, gradient), output), pre_activation)| {
            N::backward_rows(gradient, output, sums, pre_activation, activation);
        });
    column_sum::total(&partial, 1, bias_gradient);
}

impl Activate for bf16 {
    fn forward_rows(
        x: &mut [bf16],
        pre_activation: Option<&mut [bf16]>,
        bias: &[f32],
        activation: Activation,
    ) {
        Table::get(activation).forward(x, pre_activation, bias);
    }

    fn backward_rows(
        gradient: &mut [bf16],
        output: &mut [bf16],
        sums: &mut [f32],
        pre_activation: &[bf16],
        activation: Activation,
    ) {
        Table::get(activation).backward(gradient, output, sums, pre_activation);
    }
}

impl Activate for f32 {
    fn forward_rows(x: &mut [f32], pre_activation: Option<&mut [f32]>, bias: &[f32], activation: Activation) {
        Arch::new().dispatch(ForwardBlock { x, pre_activation, bias, activation });
    }

    fn backward_rows(
        gradient: &mut [f32],
        output: &mut [f32],
        sums: &mut [f32],
        pre_activation: &[f32],
        activation: Activation,
    ) {
        Arch::new().dispatch(BackwardBlock { gradient, output, sums, pre_activation, activation });
    }
}

/// At most [`BLOCK_ROWS`] rows.
struct ForwardBlock<'a> {
    x: &'a mut [f32],
    pre_activation: Option<&'a mut [f32]>,
    bias: &'a [f32],
    activation: Activation,
}

impl ForwardBlock<'_> {
    #[inline(always)]
    fn rows(mut self, activate: impl Fn(f32) -> f32) {
        let width = self.bias.len();
        for (row, x) in self.x.chunks_exact_mut(width).enumerate() {
            for (x, bias) in x.iter_mut().zip(self.bias) {
                *x += bias;
            }
            if let Some(pre_activation) = &mut self.pre_activation {
                pre_activation[row * width..][..width].copy_from_slice(x);
            }
            for x in x {
                *x = activate(*x);
            }
        }
    }
}

impl NullaryFnOnce for ForwardBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.activation {
            Activation::Gelu => self.rows(|x| gelu(x).0),
            Activation::GeluNew => self.rows(|x| gelu_new(x).0),
            Activation::Relu => self.rows(|x| relu(x).0),
            Activation::Gelu10 => self.rows(|x| gelu_10(x).0),
            Activation::QuickGelu => self.rows(|x| quick_gelu(x).0),
            Activation::Silu => self.rows(|x| silu(x).0),
        }
    }
}

struct BackwardBlock<'a> {
    gradient: &'a mut [f32],
    output: &'a mut [f32],
    sums: &'a mut [f32],
    pre_activation: &'a [f32],
    activation: Activation,
}

impl BackwardBlock<'_> {
    #[inline(always)]
    fn rows(self, activate: impl Fn(f32) -> (f32, f32)) {
        let width = self.sums.len();
        let outputs = self.gradient.chunks_exact_mut(width).zip(self.output.chunks_exact_mut(width));
        for ((gradient, output), pre_activation) in outputs.zip(self.pre_activation.chunks_exact(width)) {
            let outputs = gradient.iter_mut().zip(output).zip(self.sums.iter_mut());
            for (((gradient, output), sum), x) in outputs.zip(pre_activation) {
                let (value, derivative) = activate(*x);
                *output = value;
                *gradient *= derivative;
                *sum += *gradient;
            }
        }
    }
}

impl NullaryFnOnce for BackwardBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.activation {
            Activation::Gelu => self.rows(gelu),
            Activation::GeluNew => self.rows(gelu_new),
            Activation::Relu => self.rows(relu),
            Activation::Gelu10 => self.rows(gelu_10),
            Activation::QuickGelu => self.rows(quick_gelu),
            Activation::Silu => self.rows(silu),
        }
    }
}

/// `x·Φ(x)`, and its derivative, which all functions here return beside the value.
#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    let (below, density) = normal(x);
    (x * below, below + x * density)
}

/// The standard normal distribution function at `x`, to 1e-7, and its density (Abramowitz and Stegun, Handbook of
/// Mathematical Functions, 7.1.26).
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    const TERMS: [f32; 5] = [1.061_405_4, -1.453_152_1, 1.421_413_8, -0.284_496_73, 0.254_829_6];
    const STEP: f32 = 0.327_591_1 * FRAC_1_SQRT_2;
    /// `1/√(2π)`
    const PEAK: f32 = 0.398_942_3;
    // Beyond, products would be denormal, which takes long.
    let square = if x * x > 160.0 { 160.0 } else { x * x };
    let (power, t) = (exp(-0.5 * square), 1.0 / (1.0 + STEP * x.abs()));
    let beyond = 0.5 * power * t * TERMS.iter().fold(0.0, |series, term| series * t + term);
    (if x < 0.0 { beyond } else { 1.0 - beyond }, PEAK * power)
}

/// In the approximation of GELU by `tanh(√(2/π)·(x + CUBIC·x³))`.
const CUBIC: f32 = 0.044_715;
/// `2·√(2/π)`, since `(1 + tanh(u)) / 2` is the logistic function of `2u`.
const SCALE: f32 = 2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

#[inline(always)]
fn gelu_new(x: f32) -> (f32, f32) {
    let (below, density) = logistic(SCALE * (x + CUBIC * x * x * x));
    (x * below, below + x * density * SCALE * (1.0 + 3.0 * CUBIC * x * x))
}

/// [`gelu`] cut at -10 and 10; it is never below -10, so only its upper end is cut.
#[inline(always)]
fn gelu_10(x: f32) -> (f32, f32) {
    let (value, derivative) = gelu(x);
    if value > 10.0 { (10.0, 0.0) } else { (value, derivative) }
}

#[inline(always)]
fn quick_gelu(x: f32) -> (f32, f32) {
    const SCALE: f32 = 1.702;
    let (below, density) = logistic(SCALE * x);
    (x * below, below + x * density * SCALE)
}

#[inline(always)]
fn silu(x: f32) -> (f32, f32) {
    let (below, density) = logistic(x);
    (x * below, below + x * density)
}

/// The logistic distribution function and its density.
#[inline(always)]
fn logistic(x: f32) -> (f32, f32) {
    let power = exp(-x.abs());
    let inverse = 1.0 / (1.0 + power);
    (if x < 0.0 { power * inverse } else { inverse }, power * inverse * inverse)
}

/// A NaN stays a NaN.
#[inline(always)]
fn relu(x: f32) -> (f32, f32) {
    if x > 0.0 { (x, 1.0) } else { (if x < 0.0 { 0.0 } else { x }, 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{random_bf16, to_f32};

    const ALL: [Activation; 6] = [
        Activation::Gelu,
        Activation::GeluNew,
        Activation::Relu,
        Activation::Gelu10,
        Activation::QuickGelu,
        Activation::Silu,
    ];

    /// From -12 to 12.
    fn points() -> Vec<f32> {
        (0..24 * 64).map(|step| step as f32 / 64.0 - 12.0).collect()
    }

    /// `Φ(x)` in float64, by the series of the error function (Abramowitz and Stegun, 7.1.6).
    fn normal_distribution(x: f64) -> f64 {
        if x.abs() > 8.0 {
            return if x > 0.0 { 1.0 } else { 0.0 };
        }
        let terms = (0..200).scan(x, |term, n| {
            let current = *term;
            *term *= x * x / f64::from(2 * n + 3);
            Some(current)
        });
        0.5 + terms.sum::<f64>() * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
    }

    fn definition(activation: Activation, x: f64) -> f64 {
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        match activation {
            Activation::Gelu => x * normal_distribution(x),
            Activation::GeluNew => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
            Activation::Relu => x.max(0.0),
            Activation::Gelu10 => (x * normal_distribution(x)).clamp(-10.0, 10.0),
            Activation::QuickGelu => x * logistic(1.702 * x),
            Activation::Silu => x * logistic(x),
        }
    }

    /// The activation, which is the same with and without saving, and `x + bias`.
    fn run<N: Activate + PartialEq + std::fmt::Debug>(
        x: &[N],
        bias: &[f32],
        activation: Activation,
    ) -> [Vec<N>; 2] {
        let (mut saving, mut inferred, mut pre_activation) = (x.to_vec(), x.to_vec(), x.to_vec());
        forward(&mut saving, Some(&mut pre_activation), bias, activation);
        forward(&mut inferred, None, bias, activation);
        assert_eq!(saving, inferred);
        [saving, pre_activation]
    }

    fn check_near(ours: f32, expect: f64, tolerance: f64, what: &str) {
        let error = (f64::from(ours) - expect).abs() / (expect.abs() + 1.0);
        assert!(error < tolerance, "{what} is off by {error}");
    }

    #[test]
    fn float32_activations_equal_their_definitions() {
        let bias = points();
        for activation in ALL {
            let [output, pre_activation] = run::<f32>(&vec![0.0; 2 * bias.len()], &bias, activation);
            let mut gradient = vec![1.0; output.len()];
            let (mut again, mut sums) = (vec![f32::NAN; output.len()], vec![f32::NAN; bias.len()]);
            backward(&mut gradient, &mut again, &mut sums, &pre_activation, activation);
            assert_eq!(again, output);
            for (index, &x) in bias.iter().enumerate() {
                let (what, x) = (format!("{activation:?} at {x}"), f64::from(x));
                check_near(output[index], definition(activation, x), 1e-6, &what);
                assert_eq!((output[index], gradient[index] * 2.0), (output[bias.len() + index], sums[index]));
                // Not where the derivative jumps.
                if x == 0.0 || definition(activation, x) > 9.99 && definition(activation, x) < 10.01 {
                    continue;
                }
                let step = 1e-5;
                let slope = definition(activation, x + step) - definition(activation, x - step);
                check_near(gradient[index], slope / (2.0 * step), 2e-6, &what);
            }
        }
    }

    #[test]
    fn bfloat16_activations_are_the_rounded_float32_ones() {
        let bias = points();
        let x = random_bf16(1, 3 * bias.len());
        let zeros = vec![0.0; bias.len()];
        for activation in ALL {
            let [output, pre_activation] = run::<bf16>(&x, &bias, activation);
            let rounded = |values: &[f32]| values.iter().map(|x| bf16::cast(*x)).collect::<Vec<_>>();
            let sums =
                to_f32(&x).iter().zip(bias.iter().cycle()).map(|(x, bias)| x + bias).collect::<Vec<_>>();
            assert_eq!(pre_activation, rounded(&sums));
            let exact = to_f32(&pre_activation);
            assert_eq!(output, rounded(&run::<f32>(&exact, &zeros, activation)[0]));
            let gradient = random_bf16(2, x.len());
            let (mut ours, mut expect) = (gradient.clone(), to_f32(&gradient));
            let (mut again, mut bias_gradient) = (x.clone(), zeros.clone());
            backward(&mut ours, &mut again, &mut bias_gradient, &pre_activation, activation);
            backward(&mut expect, &mut exact.clone(), &mut zeros.clone(), &exact, activation);
            assert_eq!((&ours, &again), (&rounded(&expect), &output));
            for (column, sum) in bias_gradient.into_iter().enumerate() {
                let expect: f64 = ours[column..].iter().step_by(bias.len()).map(|x| x.to_f64()).sum();
                check_near(sum, expect, 1e-6, "a sum");
            }
        }
    }

    #[test]
    fn nan_stays_nan_and_the_limits_are_right() {
        for activate in [gelu, gelu_new, relu, quick_gelu, silu] {
            assert!(activate(f32::NAN).0.is_nan());
            assert_eq!((activate(1e9).0, activate(-1e9).0.abs() < 1e-20), (1e9, true));
        }
        assert_eq!((gelu_10(1e9), gelu_10(-1e9).0.abs() < 1e-20), ((10.0, 0.0), true));
        assert!(gelu_10(f32::NAN).0.is_nan());
    }
}
