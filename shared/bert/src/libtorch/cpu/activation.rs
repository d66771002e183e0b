//! Bias and activation in one pass, and their backward pass in another.

mod table;

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use half::bf16;
use model_files::HiddenAct;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::{Kind, Tensor};

use self::table::Table;
use super::columns::{self, BLOCK_ROWS};
use super::softmax::exp;
use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// Adds the `bias`, float32, to every row of `wide`, `N[n, width]`, and activates it in place; returns what was activated, for the
/// backward pass.
pub(super) fn forward<N: Number>(wide: &mut Tensor, bias: &Tensor, hidden_act: HiddenAct) -> Tensor {
    let mut biased = empty::<N>(&wide.size());
    activate::<N>(wide, Some(&mut biased), bias, hidden_act);
    biased
}

/// The same with nothing kept.
pub(super) fn infer<N: Number>(wide: &mut Tensor, bias: &Tensor, hidden_act: HiddenAct) {
    activate::<N>(wide, None, bias, hidden_act);
}

fn activate<N: Number>(wide: &mut Tensor, biased: Option<&mut Tensor>, bias: &Tensor, hidden_act: HiddenAct) {
    let bias = numbers::<f32>(bias);
    if N::KIND == Kind::BFloat16 {
        let table = Table::get(hidden_act);
        in_blocks::<bf16>(wide, biased, bias.len(), |wide, biased| table.forward(wide, biased, bias));
    } else {
        in_blocks::<f32>(wide, biased, bias.len(), |wide, biased| {
            Arch::new().dispatch(ForwardBlock { wide, biased, bias, hidden_act });
        });
    }
}

/// Calls `pass` with some rows of `wide`, and of `biased` if there is one.
fn in_blocks<N: Number>(
    wide: &mut Tensor,
    biased: Option<&mut Tensor>,
    width: usize,
    pass: impl Fn(&mut [N], Option<&mut [N]>) + Sync,
) {
    let block = BLOCK_ROWS * width;
    let wide = numbers_mut::<N>(wide).par_chunks_mut(block);
    match biased {
        Some(biased) => {
            let biased = numbers_mut::<N>(biased).par_chunks_mut(block);
            wide.zip(biased).for_each(|(wide, biased)| pass(wide, Some(biased)));
        }
        None => wide.for_each(|wide| pass(wide, None)),
    }
}

/// What a backward pass finds.
pub(super) struct Backward {
    /// `N[n, width]`: the activation again, so that it need not be kept.
    pub(super) activated: Tensor,
    /// `[width]`: the gradient of the bias, the sums over the rows.
    pub(super) bias: Tensor,
}

/// Makes of `gradient`, the activation's, that of what was activated, `biased`, in place: `N[n, width]`.
pub(super) fn backward<N: Number>(gradient: &mut Tensor, biased: &Tensor, hidden_act: HiddenAct) -> Backward {
    let size = biased.size();
    let mut activated = empty::<N>(&size);
    let mut partial = columns::partial_sums(size[0], size[1]);
    let sums = numbers_mut::<f32>(&mut partial).par_chunks_mut(size[1] as usize);
    let block = BLOCK_ROWS * size[1] as usize;
    if N::KIND == Kind::BFloat16 {
        let table = Table::get(hidden_act);
        sums.zip(numbers_mut::<bf16>(gradient).par_chunks_mut(block))
            .zip(numbers_mut::<bf16>(&mut activated).par_chunks_mut(block))
            .zip(numbers::<bf16>(biased).par_chunks(block))
            .for_each(|(((sums, gradient), activated), biased)| {
                table.backward(sums, gradient, activated, biased);
            });
    } else {
        sums.zip(numbers_mut::<f32>(gradient).par_chunks_mut(block))
            .zip(numbers_mut::<f32>(&mut activated).par_chunks_mut(block))
            .zip(numbers::<f32>(biased).par_chunks(block))
            .for_each(|(((sums, gradient), activated), biased)| {
                Arch::new().dispatch(BackwardBlock { sums, gradient, activated, biased, hidden_act });
            });
    }
    Backward { activated, bias: columns::total(&partial, 1) }
}

/// Some rows. A type, because closures are not compiled for the processor at hand.
struct ForwardBlock<'a> {
    wide: &'a mut [f32],
    biased: Option<&'a mut [f32]>,
    bias: &'a [f32],
    hidden_act: HiddenAct,
}

impl ForwardBlock<'_> {
    #[inline(always)]
    fn rows(mut self, activate: impl Fn(f32) -> f32) {
        let width = self.bias.len();
        for (row, wide) in self.wide.chunks_exact_mut(width).enumerate() {
            for (wide, bias) in wide.iter_mut().zip(self.bias) {
                *wide += bias;
            }
            if let Some(biased) = &mut self.biased {
                biased[row * width..][..width].copy_from_slice(wide);
            }
            for wide in wide {
                *wide = activate(*wide);
            }
        }
    }
}

impl NullaryFnOnce for ForwardBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.hidden_act {
            HiddenAct::Gelu => self.rows(|x| gelu(x).0),
            HiddenAct::GeluNew => self.rows(|x| gelu_new(x).0),
            HiddenAct::Relu => self.rows(|x| relu(x).0),
            HiddenAct::Gelu10 => self.rows(|x| gelu_10(x).0),
            HiddenAct::QuickGelu => self.rows(|x| quick_gelu(x).0),
            HiddenAct::Silu => self.rows(|x| silu(x).0),
        }
    }
}

struct BackwardBlock<'a> {
    sums: &'a mut [f32],
    gradient: &'a mut [f32],
    activated: &'a mut [f32],
    biased: &'a [f32],
    hidden_act: HiddenAct,
}

impl BackwardBlock<'_> {
    #[inline(always)]
    fn rows(self, activate: impl Fn(f32) -> (f32, f32)) {
        let width = self.sums.len();
        let outputs = self.gradient.chunks_exact_mut(width).zip(self.activated.chunks_exact_mut(width));
        for ((gradient, activated), biased) in outputs.zip(self.biased.chunks_exact(width)) {
            let outputs = gradient.iter_mut().zip(activated).zip(self.sums.iter_mut());
            for (((gradient, activated), sum), biased) in outputs.zip(biased) {
                let (value, slope) = activate(*biased);
                *activated = value;
                *gradient *= slope;
                *sum += *gradient;
            }
        }
    }
}

impl NullaryFnOnce for BackwardBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.hidden_act {
            HiddenAct::Gelu => self.rows(gelu),
            HiddenAct::GeluNew => self.rows(gelu_new),
            HiddenAct::Relu => self.rows(relu),
            HiddenAct::Gelu10 => self.rows(gelu_10),
            HiddenAct::QuickGelu => self.rows(quick_gelu),
            HiddenAct::Silu => self.rows(silu),
        }
    }
}

/// Its value and its slope, as with the others.
#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    let (below, density) = normal(x);
    (x * below, below + x * density)
}

/// A standard normal variable's distribution function at `x`, to 1e-7, and its density: Abramowitz and Stegun, Handbook of
/// Mathematical Functions, 7.1.26.
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

/// Its approximation's: `√(2/π)·(x + CUBIC·x³)` is what the hyperbolic tangent is taken of.
const CUBIC: f32 = 0.044_715;
/// `2·√(2/π)`, since `(1 + tanh(u)) / 2` is the logistic function of `2u`.
const SCALE: f32 = 2.0 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

#[inline(always)]
fn gelu_new(x: f32) -> (f32, f32) {
    let (below, density) = logistic(SCALE * (x + CUBIC * x * x * x));
    (x * below, below + x * density * SCALE * (1.0 + 3.0 * CUBIC * x * x))
}

/// It is never below -10, so only its upper end is cut.
#[inline(always)]
fn gelu_10(x: f32) -> (f32, f32) {
    let (value, slope) = gelu(x);
    if value > 10.0 { (10.0, 0.0) } else { (value, slope) }
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

/// A NaN stays one.
#[inline(always)]
fn relu(x: f32) -> (f32, f32) {
    if x > 0.0 { (x, 1.0) } else { (if x < 0.0 { 0.0 } else { x }, 0.0) }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn of_libtorch(x: &Tensor, hidden_act: HiddenAct) -> [Tensor; 2] {
        // Its own slope of the approximation is off by 2e-6 in float32.
        let x = x.to_kind(Kind::Double);
        let ones = x.ones_like();
        match hidden_act {
            HiddenAct::Gelu => [x.gelu("none"), x.gelu_backward(&ones, "none")],
            HiddenAct::GeluNew => [x.gelu("tanh"), x.gelu_backward(&ones, "tanh")],
            HiddenAct::Relu => [x.relu(), x.threshold_backward(&ones, 0.0)],
            HiddenAct::Gelu10 => {
                let (value, slope) = (x.gelu("none"), x.gelu_backward(&ones, "none"));
                [value.clamp(-10.0, 10.0), slope * value.le(10.0)]
            }
            HiddenAct::QuickGelu => {
                let below = (&x * 1.702).sigmoid();
                [&x * &below, &below + &x * 1.702 * &below * (1.0 - &below)]
            }
            HiddenAct::Silu => {
                let below = x.sigmoid();
                [x.silu(), &below + &x * &below * (1.0 - &below)]
            }
        }
    }

    #[test]
    fn they_equal_libtorchs() {
        for hidden_act in HiddenAct::ALL {
            let bias = Tensor::arange_start_step(-12.0, 12.0, 1.0 / 64.0, (Kind::Float, Device::Cpu));
            let (activated, biased) = check_both::<f32>(&bias.zeros_like().repeat([2, 1]), &bias, hidden_act);
            let [expect, slopes] = of_libtorch(&biased, hidden_act);
            check_near(&activated, &expect, hidden_act);
            let mut gradient = biased.ones_like();
            let again = backward::<f32>(&mut gradient, &biased, hidden_act);
            check_near(&gradient, &slopes, hidden_act);
            check_near(&again.bias, &(slopes.get(0) * 2.0), hidden_act);
            assert_eq!(again.activated, activated);
        }
    }

    #[test]
    fn bfloat16_numbers_have_the_same_activations() {
        for hidden_act in HiddenAct::ALL {
            let narrow = |x: &Tensor| x.to_kind(Kind::BFloat16);
            let bias = Tensor::arange_start_step(-12.0, 12.0, 1.0 / 64.0, (Kind::Float, Device::Cpu));
            let wide = Tensor::randn([3, bias.size()[0]], (Kind::BFloat16, Device::Cpu));
            let (activated, biased) = check_both::<bf16>(&wide, &bias, hidden_act);
            assert_eq!(biased, narrow(&(&wide + &bias)));
            let exact = biased.to_kind(Kind::Float);
            let (expect, _) = check_both::<f32>(&exact, &bias.zeros_like(), hidden_act);
            assert_eq!(activated, narrow(&expect));
            let gradient = Tensor::randn(biased.size(), (Kind::BFloat16, Device::Cpu));
            let (mut ours, mut theirs) = (gradient.copy(), gradient.to_kind(Kind::Float));
            let again = backward::<bf16>(&mut ours, &biased, hidden_act);
            backward::<f32>(&mut theirs, &exact, hidden_act);
            assert_eq!((ours.shallow_clone(), again.activated), (narrow(&theirs), activated));
            check_near(&again.bias, &ours.to_kind(Kind::Float).sum_dim_intlist(0, false, None), hidden_act);
        }
    }

    /// The activation, which is the same in training and in inference, and what was activated.
    fn check_both<N: Number>(wide: &Tensor, bias: &Tensor, hidden_act: HiddenAct) -> (Tensor, Tensor) {
        let (mut activated, mut inferred) = (wide.copy(), wide.copy());
        let biased = forward::<N>(&mut activated, bias, hidden_act);
        infer::<N>(&mut inferred, bias, hidden_act);
        assert_eq!(activated, inferred);
        (activated, biased)
    }

    fn check_near(ours: &Tensor, expect: &Tensor, hidden_act: HiddenAct) {
        let error = ((ours - expect).abs() / (expect.abs() + 1.0)).max().double_value(&[]);
        assert!(error < 1e-6, "{hidden_act:?} is off by {error}");
    }

    #[test]
    fn no_number_stays_none_and_the_ends_are_right() {
        for activate in [gelu, gelu_new, relu, quick_gelu, silu] {
            assert!(activate(f32::NAN).0.is_nan());
            assert_eq!((activate(1e9).0, activate(-1e9).0.abs() < 1e-20), (1e9, true));
        }
        assert_eq!((gelu_10(1e9), gelu_10(-1e9).0.abs() < 1e-20), ((10.0, 0.0), true));
        assert!(gelu_10(f32::NAN).0.is_nan());
    }
}
