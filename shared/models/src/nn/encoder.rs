//! Embeddings and encoder layers: `transformers`' `BertModel` and `ElectraModel`.

use anyhow::Result;
use burn::module::Module;
use burn::tensor::{Bool, Int, Tensor, activation};
use model_files::{BertConfig, HiddenAct};
use shared::config::Freeze;

use crate::data::batch::Batch;
use crate::device::Implementation;
use crate::nn::dropout::Site;
use crate::nn::layers::{Dense, Embedding, LayerNorm, Mode, dropout};
use crate::weights::parameters::{Init, ParameterSource};

/// The settings of a layer beside its parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerShape {
    pub(crate) heads: usize,
    pub(crate) eps: f64,
    pub(crate) hidden_act: HiddenAct,
    pub(crate) hidden_dropout: f64,
    pub(crate) attention_dropout: f64,
    pub(crate) mode: Mode,
    /// The layer's index, from 0.
    pub(crate) layer: usize,
}

impl LayerShape {
    pub(crate) fn new(config: &BertConfig, mode: Mode) -> LayerShape {
        LayerShape {
            heads: config.num_attention_heads,
            eps: config.layer_norm_eps,
            hidden_act: config.hidden_act,
            hidden_dropout: config.hidden_dropout_prob,
            attention_dropout: config.attention_probs_dropout_prob,
            mode,
            layer: 0,
        }
    }
}

#[derive(Module, Debug)]
struct Embeddings {
    word: Embedding,
    position: Embedding,
    token_type: Embedding,
    norm: LayerNorm,
}

/// One post-LN transformer layer.
#[derive(Module, Debug)]
pub(crate) struct Layer {
    pub(crate) query: Dense,
    pub(crate) key: Dense,
    pub(crate) value: Dense,
    pub(crate) attention_output: Dense,
    pub(crate) attention_norm: LayerNorm,
    pub(crate) intermediate: Dense,
    pub(crate) output: Dense,
    pub(crate) output_norm: LayerNorm,
}

#[derive(Module, Debug)]
pub(crate) struct Encoder {
    embeddings: Embeddings,
    /// The projection from the width of the embeddings to that of the layers, where they differ.
    projection: Option<Dense>,
    layers: Vec<Layer>,
}

impl Encoder {
    pub(crate) fn build(source: &mut ParameterSource<'_>, config: &BertConfig) -> Result<Encoder> {
        let (prefix, width, hidden) =
            (config.model_type.prefix(), config.embedding_size(), config.hidden_size);
        let project = format!("{prefix}.embeddings_project");
        Ok(Encoder {
            embeddings: Embeddings::build(source, &format!("{prefix}.embeddings"), config)?,
            projection: (width != hidden)
                .then(|| Dense::build(source, &project, [hidden, width]))
                .transpose()?,
            layers: (0..config.num_hidden_layers)
                .map(|index| Layer::build(source, &format!("{prefix}.encoder.layer.{index}"), config))
                .collect::<Result<_>>()?,
        })
    }

    /// `[vocab, embedding]`: the embedding of every word.
    pub(crate) fn words(&self) -> Tensor<2> {
        self.embeddings.word.weight.val()
    }

    /// Detaches the parameters that `freeze` names: they get no gradients.
    pub(crate) fn freeze(mut self, freeze: Freeze) -> Encoder {
        if freeze.embeddings {
            self.embeddings = self.embeddings.no_grad();
            self.projection = self.projection.map(Module::no_grad);
        }
        let layers = self.layers.into_iter().enumerate();
        let freeze =
            |(index, layer): (usize, Layer)| if index < freeze.layers { layer.no_grad() } else { layer };
        self.layers = layers.map(freeze).collect();
        self
    }

    /// `[batch, seq, hidden]` after the last layer.
    pub(crate) fn last_hidden_state(
        &self,
        batch: &Batch,
        config: &BertConfig,
        implementation: Implementation,
        mode: Mode,
    ) -> Tensor<3> {
        let (embedded, states) = self.hidden_states(batch, config, implementation, mode);
        states.last().unwrap_or(embedded)
    }

    /// `[batch, seq, hidden]`: the input of the first layer, then the output of each layer.
    pub(crate) fn hidden_states(
        &self,
        batch: &Batch,
        config: &BertConfig,
        implementation: Implementation,
        mode: Mode,
    ) -> (Tensor<3>, impl Iterator<Item = Tensor<3>>) {
        let device = self.embeddings.word.weight.val().device();
        let shape = LayerShape::new(config, mode);
        let mask = batch.additive_mask(&device);
        let embedded = self.embedded(batch, batch.padding_tokens(config, &device), &shape);
        let states = self.layers.iter().enumerate().scan(embedded.clone(), move |x, (index, layer)| {
            *x = layer.forward(x.clone(), &mask, &LayerShape { layer: index, ..shape }, implementation);
            Some(x.clone())
        });
        (embedded, states)
    }

    /// `[batch, seq, hidden]`
    fn embedded(&self, batch: &Batch, padding: Option<Tensor<3, Bool>>, shape: &LayerShape) -> Tensor<3> {
        let x = self.embeddings.forward(batch, padding, shape);
        let Some(projection) = &self.projection else { return x };
        let [rows, seq, width] = x.dims();
        let projected = projection.forward(x.reshape([rows * seq, width]));
        let hidden = projected.dims()[1];
        projected.reshape([rows, seq, hidden])
    }
}

impl Embeddings {
    fn build(source: &mut ParameterSource<'_>, name: &str, config: &BertConfig) -> Result<Embeddings> {
        let width = config.embedding_size();
        let mut table = |part: &str, rows: usize, init: Init| {
            Embedding::build(source, &format!("{name}.{part}_embeddings"), [rows, width], init)
        };
        let padding = config.pad_token_id.map_or(Init::Normal, Init::NormalWithZeroRow);
        let word = table("word", config.vocab_size, padding)?;
        let position = table("position", config.max_position_embeddings, Init::Normal)?;
        let token_type = table("token_type", config.type_vocab_size, Init::Normal)?;
        let norm = LayerNorm::build(source, &format!("{name}.LayerNorm"), width)?;
        Ok(Embeddings { word, position, token_type, norm })
    }

    /// `[batch, seq, embedding]`
    fn forward(&self, batch: &Batch, padding: Option<Tensor<3, Bool>>, shape: &LayerShape) -> Tensor<3> {
        let device = self.word.weight.val().device();
        let words = self.word.forward(batch.ids(&device));
        let [rows, seq, width] = words.dims();
        // torch's `padding_idx`: the padding token's embedding is never learnt, not even from a text that has it.
        let words = match padding {
            Some(padding) => words.clone().mask_where(padding.expand([rows, seq, width]), words.detach()),
            None => words,
        };
        let positions = Tensor::<1, Int>::arange(0..seq as i64, &device).unsqueeze();
        let x = words + self.token_type.forward(batch.types(&device)) + self.position.forward(positions);
        let x = self.norm.forward(x.reshape([rows * seq, width]), shape.eps);
        dropout(x, shape.hidden_dropout, shape.mode, Site::Embeddings).reshape([rows, seq, width])
    }
}

impl Layer {
    fn build(source: &mut ParameterSource<'_>, name: &str, config: &BertConfig) -> Result<Layer> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let mut dense = |part: &str, shape| Dense::build(source, &format!("{name}.{part}"), shape);
        let query = dense("attention.self.query", [hidden, hidden])?;
        let key = dense("attention.self.key", [hidden, hidden])?;
        let value = dense("attention.self.value", [hidden, hidden])?;
        let attention_output = dense("attention.output.dense", [hidden, hidden])?;
        let intermediate = dense("intermediate.dense", [wide, hidden])?;
        let output = dense("output.dense", [hidden, wide])?;
        let mut norm = |part: &str| LayerNorm::build(source, &format!("{name}.{part}.LayerNorm"), hidden);
        let (attention_norm, output_norm) = (norm("attention.output")?, norm("output")?);
        Ok(Layer { query, key, value, attention_output, attention_norm, intermediate, output, output_norm })
    }

    /// `[batch, seq, hidden]` → the same; `mask` is `[batch, 1, 1, seq]`.
    fn forward(
        &self,
        x: Tensor<3>,
        mask: &Tensor<4>,
        shape: &LayerShape,
        implementation: Implementation,
    ) -> Tensor<3> {
        match implementation {
            #[cfg(feature = "libtorch")]
            Implementation::Fused(precision) => {
                crate::autograd::encoder_layer(self, x, mask, shape, precision)
            }
            Implementation::Plain => self.plain(x, mask, shape),
        }
    }

    fn plain(&self, x: Tensor<3>, mask: &Tensor<4>, shape: &LayerShape) -> Tensor<3> {
        let [batch, seq, hidden] = x.dims();
        let flat = x.reshape([batch * seq, hidden]);
        let context = self.attention(flat.clone(), mask, shape, [batch, seq]);
        let drop = |x, site| dropout(x, shape.hidden_dropout, shape.mode, site);
        let attended = drop(self.attention_output.forward(context), Site::AttentionOutput(shape.layer));
        let middle = self.attention_norm.forward(flat + attended, shape.eps);
        let wide = activate(self.intermediate.forward(middle.clone()), shape.hidden_act);
        let narrow = drop(self.output.forward(wide), Site::Output(shape.layer));
        self.output_norm.forward(middle + narrow, shape.eps).reshape([batch, seq, hidden])
    }

    /// `[batch·seq, hidden]` → the same: scaled dot-product attention over `heads` heads.
    fn attention(
        &self,
        flat: Tensor<2>,
        mask: &Tensor<4>,
        shape: &LayerShape,
        [batch, seq]: [usize; 2],
    ) -> Tensor<2> {
        let hidden = flat.dims()[1];
        let width = hidden / shape.heads;
        let heads = |dense: &Dense| {
            let projected = dense.forward(flat.clone());
            projected.reshape([batch, seq, shape.heads, width]).swap_dims(1, 2)
        };
        let (query, key, value) = (heads(&self.query), heads(&self.key), heads(&self.value));
        let scores = query.matmul(key.transpose()) / (width as f64).sqrt() + mask.clone();
        let site = Site::Attention(shape.layer);
        let weights = dropout(activation::softmax(scores, 3), shape.attention_dropout, shape.mode, site);
        weights.matmul(value).swap_dims(1, 2).reshape([batch * seq, hidden])
    }
}

pub(crate) fn activate(x: Tensor<2>, hidden_act: HiddenAct) -> Tensor<2> {
    match hidden_act {
        HiddenAct::Gelu => activation::gelu(x),
        HiddenAct::GeluNew => activation::gelu_approximate(x),
        HiddenAct::Relu => activation::relu(x),
        HiddenAct::Gelu10 => activation::gelu(x).clamp(-10.0, 10.0),
        HiddenAct::QuickGelu => x.clone() * activation::sigmoid(x * 1.702),
        HiddenAct::Silu => activation::silu(x),
    }
}
