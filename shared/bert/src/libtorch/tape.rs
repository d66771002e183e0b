//! A piece of libtorch's own autograd tape, held by one node of burn's.

use std::fmt;
use std::sync::Arc;

use burn_tch::TchTensor;
use tch::Tensor;

/// The forward pass of one operation as libtorch recorded it.
#[derive(Clone)]
pub(super) struct Tape(Arc<Recording>);

struct Recording {
    /// The inputs that gradients may be wanted for; a parameter that is frozen does not require any.
    leaves: Vec<Tensor>,
    output: Tensor,
    /// burn reuses the memory of a tensor that nobody else holds; libtorch's tape needs the inputs intact.
    _held: Vec<TchTensor>,
}

// SAFETY: a tch tensor is a reference-counted handle whose count is atomic, and libtorch's autograd may be
// entered from any thread; the tape is written once, before it is shared.
#[allow(unsafe_code)]
unsafe impl Send for Recording {}
// SAFETY: as above; after it is recorded the tape is only read.
#[allow(unsafe_code)]
unsafe impl Sync for Recording {}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tape")
    }
}

impl Tape {
    /// Runs `operation` on `tracked` followed by `constants`, and keeps what its backward pass needs for those of
    /// `tracked` whose `wanted` is true.
    pub(super) fn record(
        tracked: Vec<TchTensor>,
        wanted: &[bool],
        constants: Vec<TchTensor>,
        operation: impl FnOnce(&[Tensor]) -> Tensor,
    ) -> (TchTensor, Tape) {
        let leaf = |(input, &wanted): (&TchTensor, &bool)| input.tensor.detach().set_requires_grad(wanted);
        let mut inputs: Vec<Tensor> = tracked.iter().zip(wanted).map(leaf).collect();
        inputs.extend(constants.iter().map(|input| input.tensor.detach()));
        let output = operation(&inputs);
        let detached = TchTensor::new(output.detach());
        inputs.truncate(tracked.len());
        let held = tracked.into_iter().chain(constants).chain([detached.clone()]).collect();
        (detached, Tape(Arc::new(Recording { leaves: inputs, output, _held: held })))
    }

    /// The gradients of the tracked inputs, given the output's; none where it was not wanted.
    pub(super) fn backward(&self, gradient: &TchTensor) -> Vec<Option<TchTensor>> {
        // tch's binding starts from a scalar only; the derivative of this product is the gradient.
        let output = &self.0.output;
        let product = output.flatten(0, -1).dot(&gradient.tensor.to_kind(output.kind()).flatten(0, -1));
        let leaves = &self.0.leaves;
        let wanted: Vec<&Tensor> = leaves.iter().filter(|leaf| leaf.requires_grad()).collect();
        let mut gradients = Tensor::run_backward(&[product], &wanted, false, false).into_iter();
        let of = |leaf: &Tensor| leaf.requires_grad().then(|| gradients.next()).flatten();
        leaves.iter().map(of).map(|gradient| gradient.map(TchTensor::new)).collect()
    }
}
