//! A layer's forward pass on its device, and what its backward pass needs of it.

use std::fmt;
use std::sync::Arc;

use burn_tch::TchTensor;
use shared::config::Precision;
use tch::{Device, Tensor};

use super::{cpu, torch_autograd};
use crate::nn::encoder::LayerShape;

pub(super) fn tensors(inputs: &[TchTensor]) -> Vec<Tensor> {
    inputs.iter().map(|input| input.tensor.shallow_clone()).collect()
}

/// Runs the layer on `inputs`, the hidden states and the parameters, with nothing saved.
pub(super) fn forward(inputs: &[Tensor], mask: &Tensor, shape: &LayerShape, precision: Precision) -> Tensor {
    match mask.device() {
        Device::Cpu => cpu::infer(&inputs[0], mask, &inputs[1..], shape, precision),
        _ => torch_autograd::forward(&inputs[0], mask, &inputs[1..], shape, precision),
    }
}

/// The values of a layer's forward pass that its backward pass needs; clones share them.
#[derive(Clone)]
pub(super) struct SavedForBackward(Arc<Saved>);

struct Saved {
    device: SavedOnDevice,
    /// One for every tracked input.
    wanted: Vec<bool>,
    /// burn reuses the memory of a tensor that has one holder; the backward pass needs the inputs intact.
    _held: Vec<TchTensor>,
}

enum SavedOnDevice {
    /// None in inference, which burn may track although it is never differentiated.
    Cpu(Option<Box<cpu::SavedForBackward>>),
    Other(torch_autograd::SavedForBackward),
}

// SAFETY: a tch tensor is a reference-counted handle whose count is atomic, and libtorch's operations and its autograd
// may be entered from any thread; the value is written once, before it is shared, and then only read.
#[allow(unsafe_code)]
unsafe impl Send for Saved {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Saved {}

impl fmt::Debug for SavedForBackward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SavedForBackward")
    }
}

impl SavedForBackward {
    /// Runs the layer on `tracked`, the hidden states and the parameters.
    pub(super) fn forward(
        tracked: Vec<TchTensor>,
        wanted: Vec<bool>,
        mask: &Tensor,
        shape: &LayerShape,
        precision: Precision,
    ) -> (TchTensor, SavedForBackward) {
        let inputs = tensors(&tracked);
        if mask.device() == Device::Cpu {
            let (output, saved) = cpu::forward(&inputs[0], mask, &inputs[1..], shape, precision);
            // In bfloat16 the pass has a copy of the hidden states; parameters are held by the model.
            let held =
                if precision == Precision::F32 { tracked.into_iter().take(1).collect() } else { vec![] };
            let saved = Saved { device: SavedOnDevice::Cpu(saved.map(Box::new)), wanted, _held: held };
            return (TchTensor::new(output), SavedForBackward(Arc::new(saved)));
        }
        let (output, saved) =
            torch_autograd::SavedForBackward::forward(&inputs, &wanted, mask, shape, precision);
        let output = TchTensor::new(output);
        let held = tracked.into_iter().chain([output.clone()]).collect();
        let saved = Saved { device: SavedOnDevice::Other(saved), wanted, _held: held };
        (output, SavedForBackward(Arc::new(saved)))
    }

    /// The gradients of the tracked inputs, where they are wanted.
    pub(super) fn backward(&self, gradient: &Tensor) -> Vec<Option<Tensor>> {
        match &self.0.device {
            SavedOnDevice::Cpu(Some(saved)) => saved.backward(gradient, &self.0.wanted),
            SavedOnDevice::Cpu(None) => unreachable!("only training has a backward pass"),
            SavedOnDevice::Other(saved) => saved.backward(gradient),
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::autograd::cpu::gemm::Weight;
    use crate::nn::dropout::{MaskKey, Masks};
    use crate::nn::layers::Mode;
    use model_files::HiddenAct;

    const ROWS: i64 = 3;
    const SEQ: i64 = 7;
    const HIDDEN: i64 = 32;

    fn shape(hidden_act: HiddenAct, dropout: f64) -> LayerShape {
        let mode = Mode::Training(Masks::Keyed(MaskKey { seed: 7, step: 1, part: 0 }));
        let (hidden_dropout, attention_dropout) = (dropout, dropout);
        LayerShape { heads: 4, eps: 1e-12, hidden_act, hidden_dropout, attention_dropout, mode, layer: 1 }
    }

    /// Hidden states and parameters.
    fn inputs() -> Vec<Tensor> {
        let random = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu)) * 0.3;
        let (h, intermediate) = (HIDDEN, 2 * HIDDEN);
        let shapes: [&[i64]; 8] =
            [&[h, h], &[h, h], &[h, h], &[h, h], &[h], &[intermediate, h], &[h, intermediate], &[h]];
        let parameters = shapes.iter().flat_map(|shape| [random(shape), random(&shape[..1])]);
        std::iter::once(random(&[ROWS, SEQ, h])).chain(parameters).collect()
    }

    /// The mask leaves the last token out of the first row.
    fn mask() -> Tensor {
        let mask = Tensor::zeros([ROWS, 1, 1, SEQ], (Kind::Float, Device::Cpu));
        let _ = mask.get(0).narrow(2, SEQ - 1, 1).fill_(f64::from(f32::MIN));
        mask
    }

    fn check_near(ours: &Tensor, expect: &Tensor, tolerance: f64) {
        let ours = ours.to_kind(Kind::Float);
        let error = (&ours - expect).norm() / expect.norm();
        assert!(error.double_value(&[]) <= tolerance, "{error:?}");
    }

    fn check(hidden_act: HiddenAct, dropout: f64, precision: Precision, tolerance: f64) {
        tch::manual_seed(7);
        let (inputs, mask, shape) = (inputs(), mask(), shape(hidden_act, dropout));
        let wanted: Vec<bool> = (0..inputs.len()).map(|index| index != 11).collect();
        let (expect, torch) =
            torch_autograd::SavedForBackward::forward(&inputs, &wanted, &mask, &shape, Precision::F32);
        let (output, saved) = cpu::forward(&inputs[0], &mask, &inputs[1..], &shape, precision);
        let saved = saved.unwrap();
        check_near(&output, &expect, tolerance);
        let gradient = Tensor::randn([ROWS, SEQ, HIDDEN], (Kind::Float, Device::Cpu));
        let all = saved.backward(&gradient, &wanted).into_iter().zip(torch.backward(&gradient));
        for (index, (ours, expect)) in all.enumerate() {
            assert_eq!((ours.is_some(), expect.is_some()), (wanted[index], wanted[index]));
            // Softmax does not see the key's bias: its gradient is rounding.
            if let (Some(ours), Some(expect)) = (ours, expect)
                && index != 4
            {
                assert_eq!(ours.size(), expect.size());
                check_near(&ours, &expect, tolerance);
            }
        }
    }

    #[test]
    fn layers_on_the_cpu_equal_libtorch_with_every_gradient() {
        for hidden_act in HiddenAct::ALL {
            check(hidden_act, 0.0, Precision::F32, 1e-5);
            check(hidden_act, 0.1, Precision::F32, 1e-5);
        }
        check(HiddenAct::Gelu, 0.1, Precision::Bf16, 3e-2);
    }

    /// The output for few batch elements; checks that many, shared by three threads, have the same.
    fn check_inference(inputs: &[Tensor], precision: Precision, tolerance: f64) -> Tensor {
        let times = 3 * cpu::ROWS_PER_PART / (ROWS * SEQ) + 1;
        let shape = LayerShape { mode: Mode::Inference, ..shape(HiddenAct::Gelu, 0.1) };
        let few = forward(inputs, &mask(), &shape, precision);
        let many = on_threads(3, repeated(inputs, times), mask().repeat([times, 1, 1, 1]), shape, precision);
        check_near(&many, &few.repeat([times, 1, 1]), tolerance);
        few
    }

    fn repeated(inputs: &[Tensor], times: i64) -> Vec<Tensor> {
        let mut inputs: Vec<Tensor> = inputs.iter().map(Tensor::shallow_clone).collect();
        inputs[0] = inputs[0].repeat([times, 1, 1]);
        inputs
    }

    fn on_threads(
        count: usize,
        inputs: Vec<Tensor>,
        mask: Tensor,
        shape: LayerShape,
        precision: Precision,
    ) -> Tensor {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        pool.install(move || forward(&inputs, &mask, &shape, precision))
    }

    #[test]
    fn inference_in_parts_and_with_packed_weights_equals_the_whole() {
        tch::manual_seed(7);
        let inputs = inputs();
        let exact = check_inference(&inputs, Precision::F32, 1e-5);
        let expect = check_inference(&inputs, Precision::Bf16, 1e-2);
        check_near(&expect, &exact, 3e-2);
        let prepack = |input: &Tensor| match input.dim() {
            2 => Weight::prepack(input),
            _ => input.shallow_clone(),
        };
        let prepacked: Vec<Tensor> = inputs.iter().map(prepack).collect();
        check_near(&check_inference(&prepacked, Precision::Bf16, 1e-2), &expect, 1e-5);
    }

    #[test]
    fn dropout_masks_do_not_depend_on_the_number_of_threads() {
        tch::manual_seed(7);
        let times = 3 * cpu::ROWS_PER_PART / (ROWS * SEQ) + 1;
        let (inputs, mask) = (repeated(&inputs(), times), mask().repeat([times, 1, 1, 1]));
        let shape = shape(HiddenAct::Gelu, 0.1);
        let (expect, _) = cpu::forward(&inputs[0], &mask, &inputs[1..], &shape, Precision::Bf16);
        let ours = on_threads(3, inputs, mask, shape, Precision::Bf16);
        check_near(&ours, &expect, 1e-2);
    }
}
