//! The hot path on libtorch: the one module that names burn-tch and tch, and the only one with `unsafe`.

#![expect(deprecated, reason = "burn-tch is the owner's backend; the feature `flex` is the way out")]

mod adamw;
mod cpu;
mod cross_entropy;
mod frozen;
mod lanes;
mod layer;
mod linear;
mod memory;
mod record;
mod taped;

pub(crate) use adamw::{adamw, sum_of_squares};
pub(crate) use cross_entropy::{cross_entropies, hits};
pub(crate) use frozen::frozen;
pub(crate) use layer::encoder_layer;
pub(crate) use linear::linear;
