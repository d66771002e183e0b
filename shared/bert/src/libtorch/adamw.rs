//! The optimizer's step over a parameter's memory: one pass, in place.

use burn::backend::LibTorch;
use burn::tensor::Tensor as BurnTensor;
use burn_tch::TchTensor;
use half::bf16;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::lanes::sum;
use super::memory::{Number, numbers, numbers_mut, raw};
use crate::optimizer::{Moments, Update};

/// Numbers that one thread updates at a time: small enough to share evenly, large enough to stream.
const CHUNK: usize = 1 << 16;

/// `[1]`: one pass over the gradient.
pub(crate) fn sum_of_squares<const D: usize>(gradient: BurnTensor<D>) -> BurnTensor<1> {
    let gradient = raw(&gradient).contiguous();
    let squares = match (gradient.device(), gradient.kind()) {
        (Device::Cpu, Kind::Float) => in_parallel::<f32>(&gradient),
        (Device::Cpu, Kind::BFloat16) => in_parallel::<bf16>(&gradient),
        _ => gradient.square().sum(Kind::Float).reshape([1]),
    };
    BurnTensor::from_primitive::<LibTorch>(TchTensor::new(squares))
}

fn in_parallel<N: Number>(gradient: &Tensor) -> Tensor {
    let chunks = numbers::<N>(gradient).par_chunks(CHUNK);
    // Collected first, so that they are added in their order.
    let squares: Vec<f32> = chunks.map(|chunk| Arch::new().dispatch(Squares(chunk))).collect();
    Tensor::from_slice(&[squares.iter().map(|&square| f64::from(square)).sum::<f64>() as f32])
}

/// A type, because closures are not compiled for the processor at hand.
struct Squares<'a, N>(&'a [N]);

impl<N: Number> NullaryFnOnce for Squares<'_, N> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        sum(self.0, self.0, |x, _| x.widen() * x.widen())
    }
}

/// Updates `tensor` and `moments` in place: nobody else may hold them.
pub(crate) fn adamw<const D: usize>(
    tensor: BurnTensor<D>,
    gradient: BurnTensor<D>,
    moments: Moments,
    update: &Update,
) -> (BurnTensor<D>, Moments) {
    let (mut parameter, gradient) = (raw(&tensor), raw(&gradient).contiguous());
    let (mut first, mut second) = (raw(&moments.first), raw(&moments.second));
    let on_cpu = parameter.device() == Device::Cpu && parameter.is_contiguous();
    let state = [&mut parameter, &mut first, &mut second];
    match gradient.kind() {
        Kind::Float if on_cpu => one_pass::<f32>(state, &gradient, update),
        Kind::BFloat16 if on_cpu => one_pass::<bf16>(state, &gradient, update),
        _ => by_operations(state, &gradient, update),
    }
    (tensor, moments)
}

fn by_operations([parameter, first, second]: [&mut Tensor; 3], gradient: &Tensor, update: &Update) {
    let gradient = (gradient * f64::from(update.gradient_scale)).reshape(first.size());
    let _ = first.lerp_(&gradient, f64::from(update.complement1));
    let _ = second.g_mul_scalar_(f64::from(update.beta2));
    let _ = second.addcmul_(&(&gradient * f64::from(update.complement2)), &gradient);
    let size = parameter.size();
    let scale = second.sqrt() * f64::from(update.second_scale) + f64::from(update.epsilon);
    let step = (&*first * f64::from(-update.step_size)) / scale;
    let _ = parameter.g_mul_scalar_(f64::from(update.decay));
    let _ = parameter.g_add_(&step.reshape(size));
}

fn one_pass<N: Number>([parameter, first, second]: [&mut Tensor; 3], gradient: &Tensor, update: &Update) {
    let state = [parameter, first, second].map(numbers_mut::<f32>);
    let gradient = numbers::<N>(gradient);
    debug_assert!(state.iter().all(|numbers| numbers.len() == gradient.len()));
    let [parameter, first, second] = state.map(|numbers| numbers.par_chunks_mut(CHUNK));
    parameter.zip(first).zip(second).zip(gradient.par_chunks(CHUNK)).for_each(
        |(((parameter, first), second), gradient)| {
            Arch::new().dispatch(Chunk { parameter, first, second, gradient, update });
        },
    );
}

struct Chunk<'a, N> {
    parameter: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [N],
    update: &'a Update,
}

impl<N: Number> NullaryFnOnce for Chunk<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Update { beta1, beta2, complement1, complement2, .. } = *self.update;
        let Update { epsilon, decay, step_size, second_scale, gradient_scale, .. } = *self.update;
        let numbers = self.parameter.iter_mut().zip(self.first).zip(self.second).zip(self.gradient);
        for (((p, m), v), g) in numbers {
            let g = g.widen() * gradient_scale;
            *m = beta1 * *m + complement1 * g;
            *v = beta2 * *v + complement2 * g * g;
            *p = *p * decay - step_size * *m / (v.sqrt() * second_scale + epsilon);
        }
    }
}
