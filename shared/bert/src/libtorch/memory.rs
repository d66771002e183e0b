//! The numbers behind a libtorch tensor on the CPU.

use tch::Tensor;

/// The numbers of a contiguous float32 tensor in the CPU's memory.
#[allow(unsafe_code)]
pub(super) fn floats(tensor: &Tensor) -> &[f32] {
    // SAFETY: the caller has checked that the tensor is contiguous, float32 and on the CPU, so its memory is
    // `numel` floats; the borrow of the handle keeps that memory alive.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) }
}

/// The same, to be written.
#[allow(unsafe_code)]
pub(super) fn floats_mut(tensor: &mut Tensor) -> &mut [f32] {
    // SAFETY: as in `floats`; and nothing else reads or writes that memory meanwhile: it is fresh, or that of
    // parameters and moments between a backward pass and the next forward pass, which are distinct allocations.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), tensor.numel()) }
}
