//! The operations that libtorch tensors go through, each with its backward pass: the one module that names burn-tch and
//! tch. On the CPU they run by the crate `kernels`, and by libtorch where it has nothing faster; on other devices by libtorch.

#![expect(deprecated, reason = "burn-tch is the owner's backend; the feature `flex` is the way out")]

mod adamw;
mod cpu;
mod cross_entropy;
mod layer;
mod linear;
mod prepack;
mod saved_for_backward;
mod slices;
mod torch_autograd;

pub(crate) use adamw::{adamw, sum_of_squares};
pub(crate) use cross_entropy::{count_correct, cross_entropies};
pub(crate) use layer::encoder_layer;
pub(crate) use linear::linear;
pub(crate) use prepack::prepack;
