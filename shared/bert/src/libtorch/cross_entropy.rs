//! Cross-entropy as one operation of burn's, which keeps a number a row beside the logits.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, LibTorch, backend_extension};
use burn::tensor::{Int, Tensor as BurnTensor};
use burn_tch::TchTensor;
use tch::{Device, Kind, Tensor};

use super::cpu::rows;
use super::memory::raw;

/// `[1]`: the sum over `[n, labels]` logits against `[n]` class ids.
pub(crate) fn cross_entropies(logits: BurnTensor<2>, classes: BurnTensor<1, Int>) -> BurnTensor<1> {
    let classes = classes.unsqueeze_dim::<2>(1).into_dispatch();
    let logits = logits.into_dispatch();
    BurnTensor::from_dispatch(<Dispatch as FusedCrossEntropy>::fused_cross_entropy(logits, classes))
}

/// How many rows of `[n, labels]` logits are largest at their class, or of equal ones first there.
pub(crate) fn hits(logits: &BurnTensor<2>, classes: &[i64]) -> usize {
    let logits = raw(logits).contiguous();
    match logits.device() {
        Device::Cpu => rows::largest_at(&logits, classes),
        device => {
            let classes = Tensor::from_slice(classes).to_device(device);
            let hits = logits.argmax(1, false).eq_tensor(&classes).sum(Kind::Int64);
            hits.int64_value(&[]) as usize
        }
    }
}

#[backend_extension(LibTorch, Autodiff)]
pub(super) trait FusedCrossEntropy: Backend {
    fn fused_cross_entropy(logits: FloatTensor<Self>, classes: IntTensor<Self>) -> FloatTensor<Self>;
}

impl FusedCrossEntropy for LibTorch {
    fn fused_cross_entropy(logits: TchTensor, classes: TchTensor) -> TchTensor {
        Losses::new(logits, &classes.tensor).sum()
    }
}

/// What the backward pass needs.
#[derive(Debug, Clone)]
struct Losses {
    /// `[n, labels]`
    logits: TchTensor,
    /// `[n, 1]`
    classes: TchTensor,
    /// `[n, 1]`: the logarithm of the sum of a row's exponentials.
    normalizers: TchTensor,
}

impl Losses {
    fn new(logits: TchTensor, classes: &Tensor) -> Losses {
        let logits = match logits.tensor.is_contiguous() {
            true => logits,
            false => TchTensor::new(logits.tensor.contiguous()),
        };
        let normalizers = log_sum_exp(&logits.tensor);
        let classes = TchTensor::new(classes.to_kind(Kind::Int64));
        Losses { logits, classes, normalizers: TchTensor::new(normalizers) }
    }

    fn sum(&self) -> TchTensor {
        TchTensor::new((-self.log_probabilities()).sum(Kind::Float).reshape([1]))
    }

    /// `[n, 1]`: of the right classes.
    fn log_probabilities(&self) -> Tensor {
        self.logits.tensor.gather(1, &self.classes.tensor, false) - &self.normalizers.tensor
    }

    /// `[n, labels]`: softmax less one at the right class, times the loss' `[1]` gradient.
    fn backward(self, gradient: &Tensor) -> Tensor {
        let of_classes = self.log_probabilities().expm1() * gradient;
        let Losses { logits, classes, normalizers } = self;
        // Nobody else reads the logits after the loss, as a rule: the gradient takes their memory.
        let logits = if logits.can_mut() { logits.tensor } else { logits.tensor.copy() };
        scaled_softmax(logits, &normalizers.tensor, gradient).scatter_(1, &classes.tensor, &of_classes)
    }
}

fn log_sum_exp(logits: &Tensor) -> Tensor {
    match logits.device() {
        Device::Cpu => rows::log_sum_exp(logits),
        _ => logits.logsumexp([1].as_slice(), true),
    }
}

/// May put the result in the memory of the logits.
fn scaled_softmax(logits: Tensor, normalizers: &Tensor, scale: &Tensor) -> Tensor {
    match logits.device() {
        Device::Cpu => rows::scaled_softmax(logits, normalizers, scale.double_value(&[0]) as f32),
        _ => (logits - normalizers).exp() * scale,
    }
}

#[derive(Debug)]
struct CrossEntropyBackward;

impl Backward<LibTorch, 1> for CrossEntropyBackward {
    type State = Losses;

    fn backward(self, ops: Ops<Losses, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<LibTorch>(&ops.node);
        let [parent] = ops.parents;
        if let Some(node) = parent {
            let gradient = ops.state.backward(&gradient.tensor);
            gradients.register::<LibTorch>(node.id, TchTensor::new(gradient));
        }
    }
}

impl<C: CheckpointStrategy> FusedCrossEntropy for Autodiff<LibTorch, C> {
    fn fused_cross_entropy(logits: FloatTensor<Self>, classes: IntTensor<Self>) -> FloatTensor<Self> {
        let node = logits.node();
        let losses = Losses::new(logits.into_primitive(), &classes.tensor);
        let sum = losses.sum();
        match CrossEntropyBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(losses, sum),
            OpsKind::UnTracked(prep) => prep.finish(sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution, activation};

    use super::*;

    const ROWS: usize = 33;
    const LABELS: usize = 301;

    fn device() -> Device {
        Device::libtorch().autodiff()
    }

    fn logits() -> BurnTensor<2> {
        BurnTensor::random([ROWS, LABELS], Distribution::Normal(0.0, 4.0), &device())
    }

    fn classes() -> Vec<i64> {
        (0..ROWS).map(|row| (row * 97 % LABELS) as i64).collect()
    }

    #[test]
    fn it_equals_burns_operations_with_its_gradient() {
        let logits = logits().require_grad();
        let classes = BurnTensor::<1, Int>::from_data(classes().as_slice(), &device());
        let run = |losses: &dyn Fn(BurnTensor<2>) -> BurnTensor<1>| {
            // A product, so that nobody else has what the losses are of.
            let losses = losses(logits.clone() * 0.5);
            let gradient = logits.grad(&(losses.clone() * 0.01).backward()).unwrap();
            (losses.into_scalar::<f32>(), gradient)
        };
        let (plain, plain_gradient) = run(&|logits| {
            let log_probabilities = activation::log_softmax(logits, 1);
            log_probabilities.gather(1, classes.clone().unsqueeze_dim(1)).sum().neg()
        });
        let (fused, gradient) = run(&|logits| cross_entropies(logits, classes.clone()));
        assert!((fused / plain - 1.0).abs() <= 1e-5, "{fused} is not {plain}");
        let norm = |values: BurnTensor<2>| values.square().sum().sqrt().into_scalar::<f32>();
        let error = norm(gradient - plain_gradient.clone()) / norm(plain_gradient);
        assert!(error <= 1e-5, "the gradient is off by {error}");
    }

    /// The gradient takes the logits' memory only where nobody else has them.
    #[test]
    fn the_logits_stay_as_they_are() {
        let logits = logits().require_grad();
        let before = logits.to_data();
        let classes = BurnTensor::<1, Int>::from_data(classes().as_slice(), &device());
        let _ = cross_entropies(logits.clone(), classes).backward();
        assert_eq!(logits.to_data(), before);
    }

    #[test]
    fn the_cpu_computes_what_libtorch_does() {
        let logits = raw(&logits().inner());
        let near = |ours: &Tensor, theirs: &Tensor| {
            let error = ((ours - theirs).norm() / theirs.norm()).double_value(&[]);
            assert!(error < 1e-6, "{error}");
        };
        let normalizers = logits.logsumexp([1].as_slice(), true);
        near(&log_sum_exp(&logits), &normalizers);
        let theirs = logits.softmax(1, Kind::Float) * 0.5;
        near(&rows::scaled_softmax(logits, &normalizers, 0.5), &theirs);
    }

    #[test]
    fn of_equal_logits_the_first_counts() {
        let hits_of = |logits: [[f32; 3]; 2], classes: [i64; 2]| {
            hits(&BurnTensor::<2>::from_data(logits, &device().inner()), &classes)
        };
        let logits = [[1.0, 2.0, 2.0], [3.0, -1.0, 2.0]];
        assert_eq!(hits_of(logits, [1, 0]), 2);
        assert_eq!(hits_of(logits, [2, 2]), 0);
        assert_eq!(hits_of(logits, [0, 0]), 1);
        let random = self::logits().inner();
        let largest: Vec<i64> = random.clone().argmax(1).into_data().iter().collect();
        assert_eq!((hits(&random, &largest), hits(&random, &[-1; ROWS])), (ROWS, 0));
    }
}
