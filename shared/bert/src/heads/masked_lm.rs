//! The word behind a mask: `BertForMaskedLM`.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use model_files::BertConfig;

use crate::decoder;
use crate::device::Path;
use crate::encoder::activate;
use crate::layers::{Dense, LayerNorm, linear};
use crate::parameters::{Init, ParameterSource};

/// The decoder is the table of word embeddings, whose gradient is then the sum of both uses, unless the config unties them.
#[derive(Module, Debug)]
pub(crate) struct MaskedLmHead {
    dense: Dense,
    norm: LayerNorm,
    /// `[vocab, hidden]`, where it has a weight of its own.
    decoder: Option<Param<Tensor<2>>>,
    /// `[vocab]`
    bias: Param<Tensor<1>>,
}

impl MaskedLmHead {
    pub(crate) fn build(source: &mut ParameterSource<'_>, config: &BertConfig) -> Result<MaskedLmHead> {
        let hidden = config.hidden_size;
        Ok(MaskedLmHead {
            dense: Dense::build(source, "cls.predictions.transform.dense", [hidden, hidden])?,
            norm: LayerNorm::build(source, "cls.predictions.transform.LayerNorm", hidden)?,
            decoder: (!config.ties_words())
                .then(|| source.take(decoder::WEIGHT, [config.vocab_size, hidden], Init::Normal))
                .transpose()?,
            bias: source.take(decoder::BIAS, [config.vocab_size], Init::Zeros)?,
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
        let decoder = self.decoder.as_ref().map_or(words, Param::val);
        linear(x, decoder, self.bias.val(), path)
    }
}
