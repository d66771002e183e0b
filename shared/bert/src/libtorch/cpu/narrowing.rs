//! Hidden states as products take them.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;
use tch::{Kind, Tensor};

use crate::libtorch::memory::{Number, empty, numbers, numbers_mut};

/// Numbers that one task takes.
const BLOCK: usize = 1 << 14;

/// Contiguous float32 numbers in `N`: if that is float32, the same memory.
pub(super) fn narrowed<N: Number>(x: &Tensor) -> Tensor {
    if N::KIND == Kind::Float {
        return x.shallow_clone();
    }
    let mut out = empty::<N>(&x.size());
    numbers_mut::<N>(&mut out)
        .par_chunks_mut(BLOCK)
        .zip(numbers::<f32>(x).par_chunks(BLOCK))
        .for_each(|(out, x)| Arch::new().dispatch(Narrow { out, x }));
    out
}

/// A type, because closures are not compiled for the processor at hand.
struct Narrow<'a, N> {
    out: &'a mut [N],
    x: &'a [f32],
}

impl<N: Number> NullaryFnOnce for Narrow<'_, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.out.iter_mut().zip(self.x).for_each(|(out, x)| *out = N::narrow(*x));
    }
}
