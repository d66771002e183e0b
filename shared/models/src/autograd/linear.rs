//! A linear layer outside the encoder as one operation of burn's; its products are in the run's precision.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Dispatch, LibTorch, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor as BurnTensor;
use burn_tch::TchTensor;
use half::bf16;
use shared::config::Precision;
use tch::{Device, Kind, Tensor};

use super::cpu;
use super::cpu::gemm::{self, Weight};
use super::slices::TensorElement;

/// `x·Wᵀ + b`: `[n, in]`, `[out, in]` and `[out]` → `[n, out]`, all float32; the product is computed in `precision`.
pub(crate) fn linear(
    x: BurnTensor<2>,
    weight: BurnTensor<2>,
    bias: BurnTensor<1>,
    precision: Precision,
) -> BurnTensor<2> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    BurnTensor::from_dispatch(<Dispatch as FusedLinear>::fused_linear(x, weight, bias, precision))
}

#[backend_extension(LibTorch, Autodiff)]
pub(super) trait FusedLinear: Backend {
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self>;
}

impl FusedLinear for LibTorch {
    fn fused_linear(x: TchTensor, weight: TchTensor, bias: TchTensor, precision: Precision) -> TchTensor {
        SavedForBackward::new(x, weight, precision).forward(&bias.tensor)
    }
}

/// The operands of the product, which the backward pass needs.
#[derive(Debug, Clone)]
struct SavedForBackward {
    /// `N[n, in]`
    x: TchTensor,
    /// `N[out, in]`
    weight: TchTensor,
    precision: Precision,
}

impl SavedForBackward {
    fn new(x: TchTensor, weight: TchTensor, precision: Precision) -> SavedForBackward {
        let kind = match precision {
            Precision::F32 => Kind::Float,
            Precision::Bf16 => Kind::BFloat16,
        };
        // A tensor that needs no cast is saved with burn's reference count, so that its memory is not reused.
        let cast = |operand: TchTensor| match operand.tensor.kind() == kind && operand.tensor.is_contiguous()
        {
            true => operand,
            false => TchTensor::new(operand.tensor.to_kind(kind).contiguous()),
        };
        SavedForBackward { x: cast(x), weight: cast(weight), precision }
    }

    fn weight<N: TensorElement>(&self) -> Weight {
        Weight::new::<N>(&[&self.weight.tensor], self.weight.tensor.size()[0])
    }

    fn forward(&self, bias: &Tensor) -> TchTensor {
        let (x, weight) = (&self.x.tensor, &self.weight.tensor);
        let product = match (x.device(), self.precision) {
            (Device::Cpu, Precision::F32) => gemm::linear::<f32>(x, &self.weight::<f32>(), Some(bias)),
            (Device::Cpu, Precision::Bf16) => gemm::linear::<bf16>(x, &self.weight::<bf16>(), Some(bias)),
            _ => x.linear(weight, Some(bias.to_kind(x.kind()))),
        };
        TchTensor::new(product.to_kind(Kind::Float))
    }

    /// The gradients of `x`, in float32, of the weight, in the product's precision, and of the bias, in float32.
    fn backward(&self, gradient: &Tensor, wanted: [bool; 3]) -> [Option<Tensor>; 3] {
        let gradient = gradient.to_kind(self.x.tensor.kind()).contiguous();
        match (gradient.device(), self.precision) {
            (Device::Cpu, Precision::F32) => self.backward_on_cpu::<f32>(&gradient, wanted),
            (Device::Cpu, Precision::Bf16) => self.backward_on_cpu::<bf16>(&gradient, wanted),
            _ => [
                wanted[0].then(|| gradient.mm(&self.weight.tensor).to_kind(Kind::Float)),
                wanted[1].then(|| gradient.tr().mm(&self.x.tensor)),
                wanted[2].then(|| gradient.sum_dim_intlist([0].as_slice(), false, Kind::Float)),
            ],
        }
    }

    fn backward_on_cpu<N: TensorElement>(&self, gradient: &Tensor, wanted: [bool; 3]) -> [Option<Tensor>; 3] {
        let x = || gemm::input_gradient::<N>(gradient, &self.weight::<N>()).to_kind(Kind::Float);
        [
            wanted[0].then(x),
            wanted[1].then(|| gemm::weight_gradient::<N>(gradient, &self.x.tensor)),
            wanted[2].then(|| cpu::column_sums::<N>(gradient)),
        ]
    }
}

#[derive(Debug)]
struct LinearBackward;

impl Backward<LibTorch, 3> for LinearBackward {
    type State = SavedForBackward;

    fn backward(self, ops: Ops<SavedForBackward, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<LibTorch>(&ops.node);
        let wanted = [0, 1, 2].map(|index: usize| ops.parents[index].is_some());
        for (node, gradient) in ops.parents.into_iter().zip(ops.state.backward(&gradient.tensor, wanted)) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                gradients.register::<LibTorch>(node.id, TchTensor::new(gradient));
            }
        }
    }
}

impl<C: CheckpointStrategy> FusedLinear for Autodiff<LibTorch, C> {
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let saved = SavedForBackward::new(x.into_primitive(), weight.into_primitive(), precision);
        let output = saved.forward(&bias.into_primitive().tensor);
        match LinearBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(saved, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, FloatDType, Int};

    use super::*;

    fn check(rows: usize, precision: Precision, tolerance: f32) {
        let device = Device::libtorch().autodiff();
        let random =
            |shape: [usize; 2]| BurnTensor::<2>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let inputs = [random([rows, 24]), random([50, 24])].map(BurnTensor::require_grad);
        let bias = random([1, 50]).flatten::<1>(0, 1).require_grad();
        let gradient = random([rows, 50]);
        // The weight is an embedding table too, whose gradient is float32.
        let ids = BurnTensor::<1, Int>::arange(3..9, &device);
        let looked_up = random([6, 24]);
        let run = |product: &dyn Fn(BurnTensor<2>, BurnTensor<2>, BurnTensor<1>) -> BurnTensor<2>| {
            let [x, weight] = inputs.clone();
            let embedded = weight.clone().select(0, ids.clone()) * looked_up.clone();
            let output = product(x.clone(), weight.clone(), bias.clone());
            let of = ((output.clone() * gradient.clone()).sum() + embedded.sum()).backward();
            let of_bias = bias.grad(&of).unwrap().unsqueeze::<2>();
            [output.inner(), x.grad(&of).unwrap(), weight.grad(&of).unwrap(), of_bias]
        };
        // The plain one second: it also shows whether the inputs are unchanged.
        let fused = run(&|x, weight, bias| linear(x, weight, bias, precision));
        let plain = run(&|x, weight, bias| x.matmul(weight.transpose()) + bias.unsqueeze());
        for (index, (fused, plain)) in fused.into_iter().zip(plain).enumerate() {
            let norm = |values: BurnTensor<2>| values.square().sum().sqrt().into_scalar::<f32>();
            let error = norm(fused.cast(FloatDType::F32) - plain.clone()) / norm(plain);
            assert!(error <= tolerance, "{rows} rows, {precision:?}, {index}: {error}");
        }
    }

    #[test]
    fn linear_layers_equal_burns_product_with_every_gradient() {
        for rows in [1, 70] {
            check(rows, Precision::F32, 1e-5);
            check(rows, Precision::Bf16, 2e-2);
        }
    }
}
