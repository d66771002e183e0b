//! One encoder layer as one operation, so that libtorch's fused kernels and its own backward passes are used.

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
use tch::{Device, Kind, Tensor};

use super::memory::floats_mut;
use super::tape::Tape;
use crate::config::HiddenAct;
use crate::dropout::{Masks, Site};
use crate::encoder::{Layer, LayerShape};
use crate::layers::{Dense, LayerNorm, Mode};

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
    /// In the order in which [`forward`] reads them.
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
        let parameters = parameters.into_array().map(|parameter| parameter.tensor);
        TchTensor::new(forward(&x.tensor, &mask.tensor, &parameters, &shape, precision))
    }
}

/// The inputs that are differentiated: the hidden states and 16 parameters.
const TRACKED: usize = 17;

#[derive(Debug)]
struct LayerBackward;

impl Backward<LibTorch, TRACKED> for LayerBackward {
    type State = Tape;

    fn backward(self, ops: Ops<Tape, TRACKED>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<LibTorch>(&ops.node);
        for (node, gradient) in ops.parents.into_iter().zip(ops.state.backward(&gradient)) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                gradients.register::<LibTorch>(node.id, gradient);
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
        let run = |inputs: &[Tensor]| {
            let (x, rest) = (&inputs[0], &inputs[1..]);
            forward(x, &rest[16], &rest[..16], &shape, precision)
        };
        match LayerBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (output, tape) = Tape::record(tracked, &wanted, vec![mask], run);
                prep.finish(tape, output)
            }
            OpsKind::UnTracked(prep) => {
                let inputs: Vec<Tensor> =
                    tracked.into_iter().chain([mask]).map(|input| input.tensor).collect();
                prep.finish(TchTensor::new(run(&inputs)))
            }
        }
    }
}

/// A post-LN layer. In bfloat16 the projections and attention take bfloat16 copies; the residual stream,
/// LayerNorm and the parameters stay float32.
fn forward(
    x: &Tensor,
    mask: &Tensor,
    parameters: &[Tensor],
    shape: &LayerShape,
    precision: Precision,
) -> Tensor {
    let narrow = |tensor: &Tensor| match precision {
        Precision::F32 => tensor.shallow_clone(),
        Precision::Bf16 => tensor.to_kind(Kind::BFloat16),
    };
    let linear = |x: &Tensor, index: usize| {
        x.linear(&narrow(&parameters[index]), Some(narrow(&parameters[index + 1])))
    };
    let norm = |x: Tensor, index: usize| {
        let hidden = parameters[index].size();
        x.layer_norm(hidden, Some(&parameters[index]), Some(&parameters[index + 1]), shape.eps, true)
    };
    let drop = |x, site| dropout(x, shape.hidden_dropout, shape.mode, site);
    let attended = linear(&attention(&narrow(x), &narrow(mask), shape, linear), 6);
    let middle = norm(x + drop(attended, Site::AttentionOutput(shape.layer)), 8);
    let wide = linear(&narrow(&middle), 10);
    let wide = match shape.hidden_act {
        HiddenAct::Gelu => wide.gelu("none"),
        HiddenAct::GeluNew => wide.gelu("tanh"),
        HiddenAct::Relu => wide.relu(),
    };
    norm(&middle + drop(linear(&wide, 12), Site::Output(shape.layer)), 14)
}

/// `[batch, seq, hidden]` → the same: scaled dot-product attention over `heads` heads.
fn attention(
    x: &Tensor,
    mask: &Tensor,
    shape: &LayerShape,
    linear: impl Fn(&Tensor, usize) -> Tensor,
) -> Tensor {
    let size = x.size();
    let (batch, seq, hidden) = (size[0], size[1], size[2]);
    let count = shape.heads as i64;
    let heads = |index| linear(x, index).view([batch, seq, count, hidden / count]).transpose(1, 2);
    let (query, key, value) = (heads(0), heads(2), heads(4));
    let rate = shape.attention_dropout;
    let context = match shape.mode {
        // What libtorch's kernel computes on the CPU too where there is dropout, with the masks that it lacks.
        Mode::Training(Masks::Keyed(_)) if rate > 0.0 => {
            let scores = (query / (hidden as f64 / count as f64).sqrt()).matmul(&key.transpose(2, 3)) + mask;
            let weights = scores.softmax(-1, Kind::Float);
            let weights = dropout(weights, rate, shape.mode, Site::Attention(shape.layer));
            weights.to_kind(value.kind()).matmul(&value)
        }
        mode => {
            let rate = if matches!(mode, Mode::Training(_)) { rate } else { 0.0 };
            Tensor::scaled_dot_product_attention(&query, &key, &value, Some(mask), rate, false, None, false)
        }
    };
    context.transpose(1, 2).reshape([batch, seq, hidden])
}

fn dropout(x: Tensor, rate: f64, mode: Mode, site: Site) -> Tensor {
    match mode {
        Mode::Training(_) if rate == 0.0 => x,
        Mode::Training(Masks::Keyed(key)) => {
            let mut mask = Tensor::empty(x.size(), (Kind::Float, Device::Cpu));
            key.fill(site, rate, floats_mut(&mut mask));
            x * mask
        }
        Mode::Training(Masks::Device) => x.dropout(rate, true),
        Mode::Inference => x,
    }
}
