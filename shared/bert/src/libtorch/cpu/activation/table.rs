//! Activations of bfloat16 numbers: there are 65,536 of them, so each is computed once.

use std::sync::LazyLock;

use half::bf16;
use model_files::HiddenAct;
use pulp::{Arch, NullaryFnOnce};

use super::{gelu, gelu_10, gelu_new, quick_gelu, relu, silu};
use crate::libtorch::memory::Number;

const NUMBERS: usize = 1 << 16;

/// By a number's bits.
pub(super) struct Table {
    values: Box<[bf16; NUMBERS]>,
    slopes: Box<[f32; NUMBERS]>,
}

static GELU: LazyLock<Table> = LazyLock::new(|| Table::of(gelu));
static GELU_NEW: LazyLock<Table> = LazyLock::new(|| Table::of(gelu_new));
static RELU: LazyLock<Table> = LazyLock::new(|| Table::of(relu));
static GELU_10: LazyLock<Table> = LazyLock::new(|| Table::of(gelu_10));
static QUICK_GELU: LazyLock<Table> = LazyLock::new(|| Table::of(quick_gelu));
static SILU: LazyLock<Table> = LazyLock::new(|| Table::of(silu));

impl Table {
    pub(super) fn get(hidden_act: HiddenAct) -> &'static Table {
        match hidden_act {
            HiddenAct::Gelu => &GELU,
            HiddenAct::GeluNew => &GELU_NEW,
            HiddenAct::Relu => &RELU,
            HiddenAct::Gelu10 => &GELU_10,
            HiddenAct::QuickGelu => &QUICK_GELU,
            HiddenAct::Silu => &SILU,
        }
    }

    fn of(activate: fn(f32) -> (f32, f32)) -> Table {
        let (mut values, mut slopes) = (Box::new([bf16::ZERO; NUMBERS]), Box::new([0.0; NUMBERS]));
        for (bits, (value, slope)) in (0..=u16::MAX).zip(values.iter_mut().zip(slopes.iter_mut())) {
            let (exact, steepness) = activate(bf16::from_bits(bits).widen());
            (*value, *slope) = (Number::narrow(exact), steepness);
        }
        Table { values, slopes }
    }

    /// Of some rows: adds the `bias` to `wide` and activates it in place; what was activated is kept where `biased` is asked for.
    pub(super) fn forward(&self, wide: &mut [bf16], mut biased: Option<&mut [bf16]>, bias: &[f32]) {
        let width = bias.len();
        for (row, wide) in wide.chunks_exact_mut(width).enumerate() {
            Arch::new().dispatch(AddBias { row: wide, bias });
            if let Some(biased) = &mut biased {
                biased[row * width..][..width].copy_from_slice(wide);
            }
            for wide in wide {
                *wide = self.values[usize::from(wide.to_bits())];
            }
        }
    }

    /// Of some rows, whose columns' `sums` grow: makes of the activation's `gradient` that of `biased`, in place, and puts the
    /// activation where `activated` is.
    pub(super) fn backward(
        &self,
        sums: &mut [f32],
        gradient: &mut [bf16],
        activated: &mut [bf16],
        biased: &[bf16],
    ) {
        let width = sums.len();
        let mut slopes = vec![0.0; width];
        let outputs = gradient.chunks_exact_mut(width).zip(activated.chunks_exact_mut(width));
        for ((gradient, activated), biased) in outputs.zip(biased.chunks_exact(width)) {
            for ((activated, slope), biased) in activated.iter_mut().zip(&mut slopes).zip(biased) {
                let bits = usize::from(biased.to_bits());
                (*activated, *slope) = (self.values[bits], self.slopes[bits]);
            }
            Arch::new().dispatch(Multiply { sums, gradient, slopes: &slopes });
        }
    }
}

/// A type, because closures are not compiled for the processor at hand.
struct AddBias<'a> {
    row: &'a mut [bf16],
    bias: &'a [f32],
}

impl NullaryFnOnce for AddBias<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (wide, bias) in self.row.iter_mut().zip(self.bias) {
            *wide = Number::narrow(wide.widen() + bias);
        }
    }
}

struct Multiply<'a> {
    sums: &'a mut [f32],
    gradient: &'a mut [bf16],
    slopes: &'a [f32],
}

impl NullaryFnOnce for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((gradient, slope), sum) in self.gradient.iter_mut().zip(self.slopes).zip(self.sums) {
            *gradient = Number::narrow(gradient.widen() * slope);
            *sum += gradient.widen();
        }
    }
}
