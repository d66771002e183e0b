//! Conversion of whole slices between number formats.

use half::bf16;
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use crate::element::Element;

/// Elements of one parallel task.
const CHUNK: usize = 1 << 14;

/// Rounds `x` to bfloat16, in parallel. Panics if the lengths differ.
pub fn to_bf16(out: &mut [bf16], x: &[f32]) {
    assert_eq!(out.len(), x.len());
    out.par_chunks_mut(CHUNK)
        .zip(x.par_chunks(CHUNK))
        .for_each(|(out, x)| Arch::new().dispatch(ToBf16 { out, x }));
}

struct ToBf16<'a> {
    out: &'a mut [bf16],
    x: &'a [f32],
}

impl NullaryFnOnce for ToBf16<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.out.iter_mut().zip(self.x).for_each(|(out, x)| *out = Element::cast(*x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{random, random_bf16};

    #[test]
    fn every_element_is_rounded() {
        let len = 2 * CHUNK + 5;
        let mut out = vec![bf16::ZERO; len];
        to_bf16(&mut out, &random(1, len));
        assert_eq!(out, random_bf16(1, len));
    }
}
