//! The optimizer's step over the memory of a parameter, in place.

use burn::backend::LibTorch;
use burn::tensor::Tensor as BurnTensor;
use burn_tch::TchTensor;
use half::bf16;
use kernels::adamw::{State, Update};
use tch::{Device, Kind, Tensor};

use super::slices::{TensorElement, as_slice, as_slice_mut, raw};
use crate::optim::adamw::Moments;

/// `[1]`: the sum of squares, in one pass over the gradient.
pub(crate) fn sum_of_squares<const D: usize>(gradient: BurnTensor<D>) -> BurnTensor<1> {
    let gradient = raw(&gradient).contiguous();
    let squares = match (gradient.device(), gradient.kind()) {
        (Device::Cpu, Kind::Float) => {
            Tensor::from_slice(&[kernels::adamw::sum_of_squares(as_slice::<f32>(&gradient))])
        }
        (Device::Cpu, Kind::BFloat16) => {
            Tensor::from_slice(&[kernels::adamw::sum_of_squares(as_slice::<bf16>(&gradient))])
        }
        _ => gradient.square().sum(Kind::Float).reshape([1]),
    };
    BurnTensor::from_primitive::<LibTorch>(TchTensor::new(squares))
}

/// Updates `tensor` and `moments` in place: no other tensor may share their memory.
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
        Kind::Float if on_cpu => by_kernel::<f32>(state, &gradient, update),
        Kind::BFloat16 if on_cpu => by_kernel::<bf16>(state, &gradient, update),
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

fn by_kernel<N: TensorElement>(
    [parameter, first, second]: [&mut Tensor; 3],
    gradient: &Tensor,
    update: &Update,
) {
    let [parameter, first_moment, second_moment] = [parameter, first, second].map(as_slice_mut::<f32>);
    let state = State { parameter, first_moment, second_moment };
    kernels::adamw::step(state, as_slice::<N>(gradient), update);
}
