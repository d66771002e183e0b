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

use super::record::{Record, forward, tensors};
use crate::encoder::{Layer, LayerShape};
use crate::layers::{Dense, LayerNorm};

/// A linear projection: `[out, in]` and `[out]`.
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
    /// In the order of [`place`].
    fn into_array(self) -> [FloatTensor<B>; 16] {
        let Projection { weight: query, bias: query_bias } = self.query;
        let Projection { weight: key, bias: key_bias } = self.key;
        let Projection { weight: value, bias: value_bias } = self.value;
        let Projection { weight: attended, bias: attended_bias } = self.attention_output;
        let Projection { weight: gain, bias: shift } = self.attention_norm;
        let Projection { weight: wide, bias: wide_bias } = self.intermediate;
        let Projection { weight: narrow, bias: narrow_bias } = self.output;
        let Projection { weight: last_gain, bias: last_shift } = self.output_norm;
        [
            query,
            query_bias,
            key,
            key_bias,
            value,
            value_bias,
            attended,
            attended_bias,
            gain,
            shift,
            wide,
            wide_bias,
            narrow,
            narrow_bias,
            last_gain,
            last_shift,
        ]
    }
}

/// Where weights, or gains, stand in that array; each bias, or shift, stands behind its own.
pub(super) mod place {
    pub(in crate::libtorch) const QUERY: usize = 0;
    pub(in crate::libtorch) const KEY: usize = 2;
    pub(in crate::libtorch) const VALUE: usize = 4;
    pub(in crate::libtorch) const ATTENTION_OUTPUT: usize = 6;
    pub(in crate::libtorch) const ATTENTION_NORM: usize = 8;
    pub(in crate::libtorch) const INTERMEDIATE: usize = 10;
    pub(in crate::libtorch) const OUTPUT: usize = 12;
    pub(in crate::libtorch) const OUTPUT_NORM: usize = 14;
}

/// `[batch, seq, hidden]` → the same; `mask` is `[batch, 1, 1, seq]`.
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
        let inputs: Vec<TchTensor> = std::iter::once(x).chain(parameters.into_array()).collect();
        TchTensor::new(forward(&tensors(&inputs), &mask.tensor, &shape, precision))
    }
}

/// The inputs that are differentiated: the hidden states and 16 parameters.
const TRACKED: usize = 17;

#[derive(Debug)]
struct LayerBackward;

impl Backward<LibTorch, TRACKED> for LayerBackward {
    type State = Record;

    fn backward(self, ops: Ops<Record, TRACKED>, gradients: &mut Gradients, _: &mut Checkpointer) {
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
        tracked.extend(parameters.into_array());
        let nodes = std::array::from_fn(|index| tracked[index].node());
        let wanted: Vec<bool> = tracked.iter().map(FloatTensor::<Self>::is_tracked).collect();
        let tracked: Vec<TchTensor> = tracked.into_iter().map(|input| input.into_primitive()).collect();
        let mask = mask.into_primitive();
        match LayerBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (output, record) = Record::of(tracked, wanted, &mask.tensor, &shape, precision);
                prep.finish(record, output)
            }
            OpsKind::UnTracked(prep) => {
                let output = forward(&tensors(&tracked), &mask.tensor, &shape, precision);
                prep.finish(TchTensor::new(output))
            }
        }
    }
}
