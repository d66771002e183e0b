//! Stands in for the instructions where the target does not have them.

use half::bf16;

use super::matrix_mut::MatrixMut;
use super::tile_unit::{Accumulators, LhsTiles, NR, Tile};
use crate::matrix::Accumulate;

pub(super) fn are_available() -> bool {
    false
}

pub(super) fn configure() {
    unreachable!("only x86-64 on Linux has the instructions");
}

pub(super) fn release() {
    unreachable!("only x86-64 on Linux has the instructions");
}

pub(super) fn interleave<N>(_: &[N], _: usize, _: &mut [Tile; 2]) {
    unreachable!("only x86-64 on Linux has the instructions");
}

pub(super) fn interleave_and_transpose<N>(_: &[N], _: usize, _: &mut [Tile; 2]) {
    unreachable!("only x86-64 on Linux has the instructions");
}

pub(super) fn transpose<N>(_: &[N], _: usize, _: &mut [Tile; 2]) {
    unreachable!("only x86-64 on Linux has the instructions");
}

pub(super) fn multiply(
    _: LhsTiles<'_>,
    _: &[Tile],
    _: usize,
    _: &mut Accumulators,
    _: Accumulate,
    _: &[bf16],
) {
    unreachable!("only x86-64 on Linux has the instructions");
}

pub(super) fn store(_: &Accumulators, _: &[f32; NR], _: &mut MatrixMut<'_>, _: [usize; 2]) {
    unreachable!("only x86-64 on Linux has the instructions");
}
