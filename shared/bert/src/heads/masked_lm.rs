//! The word behind a mask: `BertForMaskedLM`.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::config::BertConfig;
use crate::encoder::activate;
use crate::layers::{Dense, LayerNorm};
use crate::parameters::{Init, ParameterSource};

/// The decoder has no weight of its own: it is the table of word embeddings, whose gradient is the sum of both uses.
#[derive(Module, Debug)]
pub(crate) struct MaskedLmHead {
    dense: Dense,
    norm: LayerNorm,
    /// `[vocab]`
    bias: Param<Tensor<1>>,
}

impl MaskedLmHead {
    pub(crate) fn build(source: &mut ParameterSource<'_>, config: &BertConfig) -> Result<MaskedLmHead> {
        let hidden = config.hidden_size;
        Ok(MaskedLmHead {
            dense: Dense::build(source, "cls.predictions.transform.dense", [hidden, hidden])?,
            norm: LayerNorm::build(source, "cls.predictions.transform.LayerNorm", hidden)?,
            bias: source.take("cls.predictions.bias", [config.vocab_size], Init::Zeros)?,
        })
    }

    /// `[tokens, hidden]` → `[tokens, vocab]`; `words` is `[vocab, hidden]`.
    pub(crate) fn forward(&self, states: Tensor<2>, words: Tensor<2>, config: &BertConfig) -> Tensor<2> {
        let x = activate(self.dense.forward(states), config.hidden_act);
        let x = self.norm.forward(x, config.layer_norm_eps);
        x.matmul(words.transpose()) + self.bias.val().unsqueeze()
    }
}
