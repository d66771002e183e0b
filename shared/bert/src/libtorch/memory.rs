//! The numbers behind a libtorch tensor on the CPU.

use burn::backend::LibTorch;
use burn::tensor::Tensor as BurnTensor;
use half::bf16;
use tch::{Device, Kind, Tensor};

/// What the layers' tensors hold; arithmetic on them is in float32.
pub(super) trait Number: Copy + Send + Sync + 'static {
    const KIND: Kind;
    fn widen(self) -> f32;
    /// To the nearest, and of two as near to the even one.
    fn narrow(value: f32) -> Self;
}

impl Number for f32 {
    const KIND: Kind = Kind::Float;

    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn narrow(value: f32) -> f32 {
        value
    }
}

/// Without the branches of the library's conversions, so that the compiler can take many at a time.
impl Number for bf16 {
    const KIND: Kind = Kind::BFloat16;

    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn narrow(value: f32) -> bf16 {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1));
        bf16::from_bits(if value.is_nan() { 0x7FC0 } else { (rounded >> 16) as u16 })
    }
}

/// The libtorch tensor behind one of burn's: the same memory.
pub(super) fn raw<const D: usize>(tensor: &BurnTensor<D>) -> Tensor {
    match tensor.clone().try_into_primitive::<LibTorch>() {
        Ok(primitive) => primitive.tensor,
        Err(error) => unreachable!("the backend of this build is libtorch: {error:?}"),
    }
}

fn check<N: Number>(tensor: &Tensor) {
    assert_eq!(tensor.device(), Device::Cpu);
    assert_eq!(tensor.kind(), N::KIND);
    assert!(tensor.is_contiguous());
}

/// The numbers of a contiguous tensor in the CPU's memory.
#[allow(unsafe_code)]
pub(super) fn numbers<N: Number>(tensor: &Tensor) -> &[N] {
    check::<N>(tensor);
    // SAFETY: the tensor is contiguous, of `N` and on the CPU, so its memory is `numel` of them; the borrow of the
    // handle keeps that memory alive.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<N>(), tensor.numel()) }
}

/// The same, to be written.
#[allow(unsafe_code)]
pub(super) fn numbers_mut<N: Number>(tensor: &mut Tensor) -> &mut [N] {
    check::<N>(tensor);
    // SAFETY: as in `numbers`; and nothing else reads or writes that memory meanwhile: it is fresh, or that of
    // parameters and moments between a backward pass and the next forward pass, which are distinct allocations.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<N>(), tensor.numel()) }
}

/// A fresh tensor on the CPU.
pub(super) fn empty<N: Number>(size: &[i64]) -> Tensor {
    Tensor::empty(size, (N::KIND, Device::Cpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfloat16_is_rounded_as_by_the_library() {
        let mut values = vec![0.0, -0.0, 1.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, 1e-40];
        // Every fraction of a bfloat16's last place, and the ties between them.
        values.extend((0..1 << 18).map(|bits| f32::from_bits(0x3F80_0000 + bits)));
        for value in values {
            assert_eq!(<bf16 as Number>::narrow(value), bf16::from_f32(value), "{value}");
            let narrow = bf16::from_f32(value);
            assert_eq!(Number::widen(narrow), narrow.to_f32());
        }
        assert!(<bf16 as Number>::narrow(f32::NAN).is_nan());
    }
}
