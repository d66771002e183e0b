//! Cross-entropy as one operation of burn's, which saves one number for every row beside the logits.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, LibTorch, backend_extension};
use burn::tensor::{Int, Tensor as BurnTensor};
use burn_tch::TchTensor;
use kernels::logits;
use tch::{Device, Kind, Tensor};

use super::slices::{as_matrix, as_slice, as_slice_mut, empty, raw};

/// `[1]`: the sum of the cross-entropies of `[n, labels]` logits against `[n]` class ids.
pub(crate) fn cross_entropies(logits: BurnTensor<2>, classes: BurnTensor<1, Int>) -> BurnTensor<1> {
    let classes = classes.unsqueeze_dim::<2>(1).into_dispatch();
    let logits = logits.into_dispatch();
    BurnTensor::from_dispatch(<Dispatch as FusedCrossEntropy>::fused_cross_entropy(logits, classes))
}

/// The number of rows of `[n, labels]` logits that are largest at their class; of equal logits the first counts.
pub(crate) fn count_correct(logits: &BurnTensor<2>, classes: &[i64]) -> usize {
    let logits = raw(logits).contiguous();
    match logits.device() {
        Device::Cpu => logits::count_correct(as_matrix(&logits), classes),
        device => {
            let classes = Tensor::from_slice(classes).to_device(device);
            let correct = logits.argmax(1, false).eq_tensor(&classes).sum(Kind::Int64);
            correct.int64_value(&[]) as usize
        }
    }
}

#[backend_extension(LibTorch, Autodiff)]
pub(super) trait FusedCrossEntropy: Backend {
    fn fused_cross_entropy(logits: FloatTensor<Self>, classes: IntTensor<Self>) -> FloatTensor<Self>;
}

impl FusedCrossEntropy for LibTorch {
    fn fused_cross_entropy(logits: TchTensor, classes: TchTensor) -> TchTensor {
        SavedForBackward::new(logits, &classes.tensor).sum()
    }
}

/// The values of the forward pass that the backward pass needs.
#[derive(Debug, Clone)]
struct SavedForBackward {
    /// `[n, labels]`
    logits: TchTensor,
    /// `[n, 1]`
    classes: TchTensor,
    /// `[n, 1]`: `ln Σ exp(logit)` of every row.
    normalizers: TchTensor,
}

impl SavedForBackward {
    fn new(logits: TchTensor, classes: &Tensor) -> SavedForBackward {
        let logits = match logits.tensor.is_contiguous() {
            true => logits,
            false => TchTensor::new(logits.tensor.contiguous()),
        };
        let normalizers = log_sum_exp(&logits.tensor);
        let classes = TchTensor::new(classes.to_kind(Kind::Int64));
        SavedForBackward { logits, classes, normalizers: TchTensor::new(normalizers) }
    }

    fn sum(&self) -> TchTensor {
        TchTensor::new((-self.log_probabilities()).sum(Kind::Float).reshape([1]))
    }

    /// `[n, 1]`: the log-probabilities of the correct classes.
    fn log_probabilities(&self) -> Tensor {
        self.logits.tensor.gather(1, &self.classes.tensor, false) - &self.normalizers.tensor
    }

    /// `[n, labels]`: softmax minus one at the correct class, times the `[1]` gradient of the loss.
    fn backward(self, gradient: &Tensor) -> Tensor {
        let of_classes = self.log_probabilities().expm1() * gradient;
        let SavedForBackward { logits, classes, normalizers } = self;
        // As a rule nothing reads the logits after the loss: the gradient takes their memory.
        let logits = if logits.can_mut() { logits.tensor } else { logits.tensor.copy() };
        scaled_softmax(logits, &normalizers.tensor, gradient).scatter_(1, &classes.tensor, &of_classes)
    }
}

fn log_sum_exp(logits: &Tensor) -> Tensor {
    match logits.device() {
        Device::Cpu => {
            let mut out = empty::<f32>(&[logits.size()[0], 1]);
            logits::log_sum_exp(as_slice_mut(&mut out), as_matrix(logits));
            out
        }
        _ => logits.logsumexp([1].as_slice(), true),
    }
}

/// `softmax(logits)·scale`; may take the memory of the logits.
fn scaled_softmax(mut logits: Tensor, normalizers: &Tensor, scale: &Tensor) -> Tensor {
    match logits.device() {
        Device::Cpu => {
            let (labels, scale) = (logits.size()[1] as usize, scale.double_value(&[0]) as f32);
            logits::scaled_softmax(as_slice_mut(&mut logits), labels, as_slice(normalizers), scale);
            logits
        }
        _ => (logits - normalizers).exp() * scale,
    }
}

#[derive(Debug)]
struct CrossEntropyBackward;

impl Backward<LibTorch, 1> for CrossEntropyBackward {
    type State = SavedForBackward;

    fn backward(self, ops: Ops<SavedForBackward, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
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
        let saved = SavedForBackward::new(logits.into_primitive(), &classes.tensor);
        let sum = saved.sum();
        match CrossEntropyBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(saved, sum),
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
    fn cross_entropies_equal_burns_operations_with_their_gradient() {
        let logits = logits().require_grad();
        let classes = BurnTensor::<1, Int>::from_data(classes().as_slice(), &device());
        let run = |losses: &dyn Fn(BurnTensor<2>) -> BurnTensor<1>| {
            // A product, so that the losses alone hold their logits.
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

    /// The gradient takes the memory of the logits only if nothing else holds them.
    #[test]
    fn shared_logits_stay_unchanged() {
        let logits = logits().require_grad();
        let before = logits.to_data();
        let classes = BurnTensor::<1, Int>::from_data(classes().as_slice(), &device());
        let _ = cross_entropies(logits.clone(), classes).backward();
        assert_eq!(logits.to_data(), before);
    }

    #[test]
    fn kernels_equal_libtorch() {
        let logits = raw(&logits().inner());
        let near = |ours: &Tensor, theirs: &Tensor| {
            let error = ((ours - theirs).norm() / theirs.norm()).double_value(&[]);
            assert!(error < 1e-6, "{error}");
        };
        let normalizers = logits.logsumexp([1].as_slice(), true);
        near(&log_sum_exp(&logits), &normalizers);
        let theirs = logits.softmax(1, Kind::Float) * 0.5;
        near(&scaled_softmax(logits, &normalizers, &Tensor::from_slice(&[0.5_f32])), &theirs);
    }

    #[test]
    fn the_first_of_equal_logits_counts() {
        let correct_of = |logits: [[f32; 3]; 2], classes: [i64; 2]| {
            count_correct(&BurnTensor::<2>::from_data(logits, &device().inner()), &classes)
        };
        let logits = [[1.0, 2.0, 2.0], [3.0, -1.0, 2.0]];
        assert_eq!(correct_of(logits, [1, 0]), 2);
        assert_eq!(correct_of(logits, [2, 2]), 0);
        assert_eq!(correct_of(logits, [0, 0]), 1);
        let random = self::logits().inner();
        let largest: Vec<i64> = random.clone().argmax(1).into_data().iter().collect();
        let correct = [largest.as_slice(), &[-1; ROWS]].map(|classes| count_correct(&random, classes));
        assert_eq!(correct, [ROWS, 0]);
    }
}
