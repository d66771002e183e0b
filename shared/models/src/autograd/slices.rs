//! The memory of libtorch tensors on the CPU, as slices for the kernels.

use burn::backend::LibTorch;
use burn::tensor::Tensor as BurnTensor;
use half::bf16;
use kernels::Element;
use kernels::activation::Activate;
use tch::{Device, Kind, Tensor};

/// An element type that kernels take and libtorch has a kind for.
pub(super) trait TensorElement: Element + Activate {
    const KIND: Kind;
}

impl TensorElement for f32 {
    const KIND: Kind = Kind::Float;
}

impl TensorElement for bf16 {
    const KIND: Kind = Kind::BFloat16;
}

/// The libtorch tensor behind one of burn's: they share their memory.
pub(super) fn raw<const D: usize>(tensor: &BurnTensor<D>) -> Tensor {
    match tensor.clone().try_into_primitive::<LibTorch>() {
        Ok(primitive) => primitive.tensor,
        Err(error) => unreachable!("the backend of this build is libtorch: {error:?}"),
    }
}

fn check<N: TensorElement>(tensor: &Tensor) {
    assert_eq!(tensor.device(), Device::Cpu);
    assert_eq!(tensor.kind(), N::KIND);
    assert!(tensor.is_contiguous());
}

/// The elements of a contiguous tensor on the CPU. Panics if it is another kind of tensor.
#[allow(unsafe_code)]
pub(super) fn as_slice<N: TensorElement>(tensor: &Tensor) -> &[N] {
    check::<N>(tensor);
    // SAFETY: the tensor is contiguous, of `N` and on the CPU, so its memory is `numel` of them; the borrow of the
    // handle keeps that memory alive.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<N>(), tensor.numel()) }
}

/// [`as_slice`], to be written.
#[allow(unsafe_code)]
pub(super) fn as_slice_mut<N: TensorElement>(tensor: &mut Tensor) -> &mut [N] {
    check::<N>(tensor);
    // SAFETY: as in `as_slice`; and nothing else reads or writes that memory meanwhile: it is fresh, or that of
    // parameters and moments between a backward pass and the next forward pass, which are distinct allocations.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<N>(), tensor.numel()) }
}

/// The rows of a contiguous tensor `[rows, columns]` on the CPU.
pub(super) fn as_matrix<N: TensorElement>(tensor: &Tensor) -> kernels::Matrix<'_, N> {
    kernels::Matrix::new(as_slice(tensor), tensor.size()[1] as usize)
}

/// A fresh tensor on the CPU, its elements undefined.
pub(super) fn empty<N: TensorElement>(size: &[i64]) -> Tensor {
    Tensor::empty(size, (N::KIND, Device::Cpu))
}
