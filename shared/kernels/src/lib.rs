//! CPU kernels of transformer layers, on slices: matrices lie in row-major order, their shapes are in the functions'
//! documentation. Elements are float32 or bfloat16, arithmetic is in float32. Every sum has a fixed order, so results
//! depend neither on the number of threads nor on the vector width of the processor.
//!
//! A loop that is worth vector instructions is a type with an `#[inline(always)]` method `call`: `pulp::Arch::dispatch`
//! compiles it for each level of vector instructions and runs the version that the processor supports. A closure would not be
//! inlined there, and so it would be compiled for the oldest processors alone.

#![warn(missing_docs)]

pub mod activation;
pub mod adamw;
mod aligned;
pub mod amx;
pub mod attention;
mod avx512_bf16;
pub mod cast;
pub mod column_sum;
mod dropout;
mod element;
mod exp;
#[cfg(test)]
mod fixture;
pub mod gemm_f32;
pub mod layer_norm;
pub mod logits;
mod matrix;
mod philox;
mod reduce;

pub use avx512_bf16::Avx512Bf16;
pub use dropout::DropoutMask;
pub use element::{Element, Format};
pub use matrix::{Accumulate, Matrix};
