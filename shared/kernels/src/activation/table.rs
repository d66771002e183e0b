//! Activations of bfloat16 values: there are 65,536 of them, so each is computed once.

use std::sync::LazyLock;

use half::bf16;
use pulp::{Arch, NullaryFnOnce};

use super::{Activation, gelu, gelu_10, gelu_new, quick_gelu, relu, silu};
use crate::element::Element;

const VALUES: usize = 1 << 16;

/// The value and the derivative of an activation, by the bits of its argument.
pub(super) struct Table {
    values: Box<[bf16; VALUES]>,
    derivatives: Box<[f32; VALUES]>,
}

static GELU: LazyLock<Table> = LazyLock::new(|| Table::of(gelu));
static GELU_NEW: LazyLock<Table> = LazyLock::new(|| Table::of(gelu_new));
static RELU: LazyLock<Table> = LazyLock::new(|| Table::of(relu));
static GELU_10: LazyLock<Table> = LazyLock::new(|| Table::of(gelu_10));
static QUICK_GELU: LazyLock<Table> = LazyLock::new(|| Table::of(quick_gelu));
static SILU: LazyLock<Table> = LazyLock::new(|| Table::of(silu));

impl Table {
    pub(super) fn get(activation: Activation) -> &'static Table {
        match activation {
            Activation::Gelu => &GELU,
            Activation::GeluNew => &GELU_NEW,
            Activation::Relu => &RELU,
            Activation::Gelu10 => &GELU_10,
            Activation::QuickGelu => &QUICK_GELU,
            Activation::Silu => &SILU,
        }
    }

    fn of(activate: fn(f32) -> (f32, f32)) -> Table {
        let (mut values, mut derivatives) = (Box::new([bf16::ZERO; VALUES]), Box::new([0.0; VALUES]));
        for (bits, (value, derivative)) in (0..=u16::MAX).zip(values.iter_mut().zip(derivatives.iter_mut())) {
            let (exact, exact_derivative) = activate(bf16::from_bits(bits).as_f32());
            (*value, *derivative) = (Element::cast(exact), exact_derivative);
        }
        Table { values, derivatives }
    }

    /// Some rows of [`forward`](super::forward).
    pub(super) fn forward(&self, x: &mut [bf16], mut pre_activation: Option<&mut [bf16]>, bias: &[f32]) {
        let width = bias.len();
        for (row, x) in x.chunks_exact_mut(width).enumerate() {
            Arch::new().dispatch(AddBias { row: x, bias });
            if let Some(pre_activation) = &mut pre_activation {
                pre_activation[row * width..][..width].copy_from_slice(x);
            }
            for x in x {
                *x = self.values[usize::from(x.to_bits())];
            }
        }
    }

    /// Some rows of [`backward`](super::backward); adds to the `sums` over the rows.
    pub(super) fn backward(
        &self,
        gradient: &mut [bf16],
        output: &mut [bf16],
        sums: &mut [f32],
        pre_activation: &[bf16],
    ) {
        let width = sums.len();
        let mut derivatives = vec![0.0; width];
        let outputs = gradient.chunks_exact_mut(width).zip(output.chunks_exact_mut(width));
        for ((gradient, output), pre_activation) in outputs.zip(pre_activation.chunks_exact(width)) {
            for ((output, derivative), x) in output.iter_mut().zip(&mut derivatives).zip(pre_activation) {
                let bits = usize::from(x.to_bits());
                (*output, *derivative) = (self.values[bits], self.derivatives[bits]);
            }
            Arch::new().dispatch(Multiply { sums, gradient, derivatives: &derivatives });
        }
    }
}

struct AddBias<'a> {
    row: &'a mut [bf16],
    bias: &'a [f32],
}

impl NullaryFnOnce for AddBias<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (x, bias) in self.row.iter_mut().zip(self.bias) {
            *x = Element::cast(x.as_f32() + bias);
        }
    }
}

struct Multiply<'a> {
    sums: &'a mut [f32],
    gradient: &'a mut [bf16],
    derivatives: &'a [f32],
}

impl NullaryFnOnce for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for ((gradient, derivative), sum) in self.gradient.iter_mut().zip(self.derivatives).zip(self.sums) {
            *gradient = Element::cast(gradient.as_f32() * derivative);
            *sum += gradient.as_f32();
        }
    }
}
