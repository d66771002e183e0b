//! One encoder layer as one operation of burn's, with a backward pass of its own.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{
    Autodiff, Backend, Dispatch, ExtensionType, LibTorch, backend_extension, tensor::FloatTensor,
};
use burn::tensor::Tensor as BurnTensor;
use burn_tch::TchTensor;
use shared::config::Precision;

use super::saved_for_backward::{SavedForBackward, forward, tensors};
use crate::nn::encoder::{Layer, LayerShape};
use crate::nn::layers::{Dense, LayerNorm};

/// The parameters of a linear projection, `[out, in]` and `[out]`, or of a norm, `[hidden]` each.
#[derive(ExtensionType)]
pub(super) struct Projection<B: Backend> {
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
}

/// The parameters of one layer.
#[derive(ExtensionType)]
pub(super) struct LayerParameters<B: Backend> {
    #[extension_type]
    query: Projection<B>,
    #[extension_type]
    key: Projection<B>,
    #[extension_type]
    value: Projection<B>,
    #[extension_type]
    attention_output: Projection<B>,
    #[extension_type]
    attention_norm: Projection<B>,
    #[extension_type]
    intermediate: Projection<B>,
    #[extension_type]
    output: Projection<B>,
    #[extension_type]
    output_norm: Projection<B>,
}

impl<B: Backend> LayerParameters<B> {
    /// Each weight and its bias, in the order of [`place`].
    fn into_tensors(self) -> impl Iterator<Item = FloatTensor<B>> {
        let projections = [
            self.query,
            self.key,
            self.value,
            self.attention_output,
            self.attention_norm,
            self.intermediate,
            self.output,
            self.output_norm,
        ];
        projections.into_iter().flat_map(|Projection { weight, bias }| [weight, bias])
    }
}

/// The places of the weights among the parameters; each weight's bias follows it.
pub(super) mod place {
    pub(in crate::autograd) const QUERY: usize = 0;
    pub(in crate::autograd) const KEY: usize = 2;
    pub(in crate::autograd) const VALUE: usize = 4;
    pub(in crate::autograd) const ATTENTION_OUTPUT: usize = 6;
    pub(in crate::autograd) const ATTENTION_NORM: usize = 8;
    pub(in crate::autograd) const INTERMEDIATE: usize = 10;
    pub(in crate::autograd) const OUTPUT: usize = 12;
    pub(in crate::autograd) const OUTPUT_NORM: usize = 14;
}

/// `[batch, seq, hidden]` → `[batch, seq, hidden]`; `mask` is `[batch, 1, 1, seq]`.
pub(crate) fn encoder_layer(
    layer: &Layer,
    x: BurnTensor<3>,
    mask: &BurnTensor<4>,
    shape: &LayerShape,
    precision: Precision,
) -> BurnTensor<3> {
    let dense = |dense: &Dense| Projection {
        weight: dense.weight.val().into_dispatch(),
        bias: dense.bias.val().into_dispatch(),
    };
    let norm = |norm: &LayerNorm| Projection {
        weight: norm.weight.val().into_dispatch(),
        bias: norm.bias.val().into_dispatch(),
    };
    let parameters = LayerParameters {
        query: dense(&layer.query),
        key: dense(&layer.key),
        value: dense(&layer.value),
        attention_output: dense(&layer.attention_output),
        attention_norm: norm(&layer.attention_norm),
        intermediate: dense(&layer.intermediate),
        output: dense(&layer.output),
        output_norm: norm(&layer.output_norm),
    };
    let mask = mask.clone().into_dispatch();
    BurnTensor::from_dispatch(<Dispatch as FusedLayer>::fused_layer(
        x.into_dispatch(),
        mask,
        parameters,
        *shape,
        precision,
    ))
}

#[backend_extension(LibTorch, Autodiff)]
pub(super) trait FusedLayer: Backend {
    fn fused_layer(
        x: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        #[extension_type] parameters: LayerParameters<Self>,
        shape: LayerShape,
        precision: Precision,
    ) -> FloatTensor<Self>;
}

impl FusedLayer for LibTorch {
    fn fused_layer(
        x: TchTensor,
        mask: TchTensor,
        parameters: LayerParameters<Self>,
        shape: LayerShape,
        precision: Precision,
    ) -> TchTensor {
        let inputs: Vec<TchTensor> = std::iter::once(x).chain(parameters.into_tensors()).collect();
        TchTensor::new(forward(&tensors(&inputs), &mask.tensor, &shape, precision))
    }
}

/// The inputs that are differentiated: the hidden states and 16 parameters.
const TRACKED: usize = 17;

#[derive(Debug)]
struct LayerBackward;

impl Backward<LibTorch, TRACKED> for LayerBackward {
    type State = SavedForBackward;

    fn backward(self, ops: Ops<SavedForBackward, TRACKED>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<LibTorch>(&ops.node);
        for (node, gradient) in ops.parents.into_iter().zip(ops.state.backward(&gradient.tensor)) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                gradients.register::<LibTorch>(node.id, TchTensor::new(gradient));
            }
        }
    }
}

impl<C: CheckpointStrategy> FusedLayer for Autodiff<LibTorch, C> {
    fn fused_layer(
        x: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        parameters: LayerParameters<Self>,
        shape: LayerShape,
        precision: Precision,
    ) -> FloatTensor<Self> {
        let mut tracked = vec![x];
        tracked.extend(parameters.into_tensors());
        let nodes = std::array::from_fn(|index| tracked[index].node());
        let wanted: Vec<bool> = tracked.iter().map(FloatTensor::<Self>::is_tracked).collect();
        let tracked: Vec<TchTensor> = tracked.into_iter().map(|input| input.into_primitive()).collect();
        let mask = mask.into_primitive();
        match LayerBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (output, saved) =
                    SavedForBackward::forward(tracked, wanted, &mask.tensor, &shape, precision);
                prep.finish(saved, output)
            }
            OpsKind::UnTracked(prep) => {
                let output = forward(&tensors(&tracked), &mask.tensor, &shape, precision);
                prep.finish(TchTensor::new(output))
            }
        }
    }
}
