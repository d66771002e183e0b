//! The products of linear layers: in bfloat16 by AMX where the processor has it, and by libtorch elsewhere; in float32 by
//! `kernels::gemm_f32`.

use half::bf16;
use kernels::amx::{self, Amx, PackedB, Stacked};
use kernels::gemm_f32::{self, Factor};
use kernels::{Accumulate, Format, Matrix};
use tch::{Kind, Tensor};

use crate::autograd::slices::{self, TensorElement, as_matrix, as_slice, as_slice_mut};

/// A layer's weight as its products take it: `[out, in]`, in one or more parts of equal size, stacked by rows.
pub(in crate::autograd) enum Weight {
    Unpacked(Vec<Tensor>),
    /// For forward passes alone: each part as [`Weight::prepack`] packs it.
    Packed(Vec<Tensor>),
}

impl Weight {
    /// The weight that `parameters` make up, stacked by rows; `outputs` is the number of all their rows. It is packed if they
    /// are ([`Weight::prepack`]); it stays in parts if AMX takes it, and is else one matrix of `N`.
    pub(in crate::autograd) fn new<N: TensorElement>(parameters: &[&Tensor], outputs: i64) -> Weight {
        let size = parameters[0].size();
        let rows = size[0] * parameters.len() as i64;
        if rows * Amx::PACKED_ROWS as i64 == outputs {
            return Weight::Packed(parameters.iter().map(|part| part.shallow_clone()).collect());
        }
        assert_eq!(rows, outputs);
        if amx_for_weight::<N>([outputs, size[1]]).is_some() {
            return Weight::Unpacked(parameters.iter().map(|part| part.contiguous()).collect());
        }
        let parts: Vec<Tensor> = parameters.iter().map(|part| part.to_kind(N::KIND)).collect();
        let whole = if let [whole] = &parts[..] { whole.contiguous() } else { Tensor::cat(&parts, 0) };
        Weight::Unpacked(vec![whole])
    }

    /// A parameter `[out, in]` for many forward passes in bfloat16: packed to `[out/32, 32·in]` where AMX takes it, which its
    /// number of rows tells.
    pub(in crate::autograd) fn prepack(parameter: &Tensor) -> Tensor {
        let size = parameter.size();
        let Some(amx) = amx_for_weight::<bf16>([size[0], size[1]]) else {
            return parameter.to_kind(Kind::BFloat16);
        };
        let rows = Amx::PACKED_ROWS as i64;
        let mut packed = slices::empty::<bf16>(&[size[0] / rows, rows * size[1]]);
        amx.pack(as_slice_mut(&mut packed), &amx_weight(&[parameter.contiguous()]));
        packed
    }

    fn outputs(&self) -> i64 {
        match self {
            Weight::Unpacked(parts) => parts.iter().map(|part| part.size()[0]).sum(),
            Weight::Packed(parts) => parts.iter().map(|part| part.size()[0] * Amx::PACKED_ROWS as i64).sum(),
        }
    }

    fn parts(&self) -> &[Tensor] {
        match self {
            Weight::Unpacked(parts) => parts,
            Weight::Packed(_) => unreachable!("packed weights are for forward passes alone, by AMX"),
        }
    }

    fn whole(&self) -> &Tensor {
        let [whole] = self.parts() else { unreachable!("only AMX takes parts") };
        whole
    }
}

/// The parts of a weight, all in float32 or all in bfloat16.
fn amx_weight(parts: &[Tensor]) -> amx::Weight<'_> {
    fn stacked<N: TensorElement>(parts: &[Tensor]) -> Stacked<'_, N> {
        Stacked::new(&parts.iter().map(as_matrix).collect::<Vec<Matrix<'_, N>>>())
    }
    match parts[0].kind() {
        Kind::Float => amx::Weight::F32(stacked(parts)),
        _ => amx::Weight::Bf16(stacked(parts)),
    }
}

/// The implementation of a product.
enum Gemm {
    /// `kernels::gemm_f32`
    F32,
    Amx(Amx),
    Libtorch,
}

impl Gemm {
    /// For products of `N` whose left factor is packed.
    fn packed<N: TensorElement>() -> Gemm {
        match (N::FORMAT, Amx::detect()) {
            (Format::F32, _) => Gemm::F32,
            (Format::Bf16, Some(amx)) => Gemm::Amx(amx),
            (Format::Bf16, None) => Gemm::Libtorch,
        }
    }

    /// For products of `N` whose left factor is `x`, read where it lies.
    fn rows<N: TensorElement>(x: &Tensor) -> Gemm {
        match Gemm::packed::<N>() {
            Gemm::Amx(_) if !Amx::takes_k(x.size()[1] as usize) => Gemm::Libtorch,
            gemm => gemm,
        }
    }
}

/// AMX, if it takes a weight `[out, in]` of `N` forwards and backwards.
fn amx_for_weight<N: TensorElement>(size: [i64; 2]) -> Option<Amx> {
    match Gemm::packed::<N>() {
        Gemm::Amx(amx) => size.into_iter().all(|size| Amx::takes_k(size as usize)).then_some(amx),
        Gemm::F32 | Gemm::Libtorch => None,
    }
}

/// Returns true if AMX takes every product in bfloat16 of a layer of these sizes.
pub(super) fn amx_takes(intermediate: i64, hidden: i64) -> bool {
    amx_for_weight::<bf16>([intermediate, hidden]).is_some()
}

/// `x·Wᵀ (+ b)`: `N[n, in]`, `[out, in]` and float32 `[out]` → `N[n, out]`. libtorch's product in bfloat16 copies the bias to
/// every row first: where a kernel follows, let it add the bias.
pub(in crate::autograd) fn linear<N: TensorElement>(
    x: &Tensor,
    weight: &Weight,
    bias: Option<&Tensor>,
) -> Tensor {
    let empty = || slices::empty::<N>(&[x.size()[0], weight.outputs()]);
    match Gemm::rows::<N>(x) {
        Gemm::F32 => {
            let mut out = empty();
            let accumulate = match bias {
                Some(bias) => {
                    out.copy_(bias);
                    Accumulate::Add
                }
                None => Accumulate::Overwrite,
            };
            let (lhs, rhs) = (Factor::plain(as_matrix(x)), Factor::transposed(as_matrix(weight.whole())));
            gemm_f32::multiply(as_slice_mut(&mut out), accumulate, lhs, rhs);
            out
        }
        Gemm::Amx(amx) => {
            let mut out = empty();
            let bias = bias.map(as_slice::<f32>);
            match weight {
                Weight::Unpacked(parts) => {
                    amx.linear(as_slice_mut(&mut out), as_matrix(x), &amx_weight(parts), bias);
                }
                Weight::Packed(parts) => {
                    let packed = PackedB::new(&parts.iter().map(as_matrix::<bf16>).collect::<Vec<_>>());
                    amx.packed_linear(as_slice_mut(&mut out), as_matrix(x), &packed, bias);
                }
            }
            out
        }
        Gemm::Libtorch => match bias {
            Some(bias) => x.linear(weight.whole(), Some(bias.to_kind(N::KIND))),
            None => x.mm(&weight.whole().tr()),
        },
    }
}

/// `N[n, out]` and `[out, in]` → `N[n, in]`
pub(in crate::autograd) fn input_gradient<N: TensorElement>(gradient: &Tensor, weight: &Weight) -> Tensor {
    let parts = weight.parts();
    let empty = || slices::empty::<N>(&[gradient.size()[0], parts[0].size()[1]]);
    match Gemm::rows::<N>(gradient) {
        Gemm::F32 => {
            let mut out = empty();
            let (lhs, rhs) = (Factor::plain(as_matrix(gradient)), Factor::plain(as_matrix(weight.whole())));
            gemm_f32::multiply(as_slice_mut(&mut out), Accumulate::Overwrite, lhs, rhs);
            out
        }
        Gemm::Amx(amx) => {
            let mut out = empty();
            amx.input_gradient(as_slice_mut(&mut out), as_matrix(gradient), &amx_weight(parts));
            out
        }
        Gemm::Libtorch => gradient.mm(weight.whole()),
    }
}

/// `N[n, out]` and `N[n, in]` → `N[out, in]`
pub(in crate::autograd) fn weight_gradient<N: TensorElement>(gradient: &Tensor, x: &Tensor) -> Tensor {
    let [rows, outputs, inputs] = [gradient.size()[0], gradient.size()[1], x.size()[1]];
    let empty = || slices::empty::<N>(&[outputs, inputs]);
    match Gemm::packed::<N>() {
        Gemm::F32 => {
            let mut out = empty();
            let (lhs, rhs) = (Factor::transposed(as_matrix(gradient)), Factor::plain(as_matrix(x)));
            gemm_f32::multiply(as_slice_mut(&mut out), Accumulate::Overwrite, lhs, rhs);
            out
        }
        Gemm::Amx(amx) => {
            let mut out = empty();
            let mut packed =
                slices::empty::<bf16>(&[Amx::packed_len(outputs as usize, rows as usize) as i64]);
            amx.weight_gradient(
                as_slice_mut(&mut out),
                as_matrix(gradient),
                as_matrix(x),
                as_slice_mut(&mut packed),
            );
            out
        }
        Gemm::Libtorch => gradient.tr().mm(x),
    }
}
