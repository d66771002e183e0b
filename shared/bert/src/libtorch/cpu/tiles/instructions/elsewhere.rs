//! Where there are no such instructions.

use half::bf16;

use super::{BLOCK, LeftTiles, Start, Sums, Tile, Window};

pub(super) fn are_there() -> bool {
    false
}

pub(super) fn set_up() {
    unreachable!("the instructions are another processor's");
}

pub(super) fn release() {
    unreachable!("the instructions are another processor's");
}

pub(super) fn interleave<N>(_: &[N], _: usize, _: &mut [Tile; 2]) {
    unreachable!("the instructions are another processor's");
}

pub(super) fn interleave_and_transpose<N>(_: &[N], _: usize, _: &mut [Tile; 2]) {
    unreachable!("the instructions are another processor's");
}

pub(super) fn transpose<N>(_: &[N], _: usize, _: &mut [Tile; 2]) {
    unreachable!("the instructions are another processor's");
}

pub(super) fn multiply(_: LeftTiles<'_>, _: &[Tile], _: usize, _: &mut Sums, _: Start, _: &[bf16]) {
    unreachable!("the instructions are another processor's");
}

pub(super) fn put(_: &Sums, _: &[f32; BLOCK], _: &mut Window<'_>, _: [usize; 2]) {
    unreachable!("the instructions are another processor's");
}
