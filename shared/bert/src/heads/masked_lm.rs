//! The word behind a mask: `BertForMaskedLM`.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::config::BertConfig;
use crate::device::Path;
use crate::encoder::activate;
use crate::layers::{Dense, LayerNorm, linear};
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
    pub(crate) fn forward(
        &self,
        states: Tensor<2>,
        words: Tensor<2>,
        config: &BertConfig,
        path: Path,
    ) -> Tensor<2> {
        let Dense { weight, bias } = &self.dense;
        let x = linear(states, weight.val(), bias.val(), path);
        let x = self.norm.forward(activate(x, config.hidden_act), config.layer_norm_eps);
        linear(x, words, self.bias.val(), path)
    }
}
