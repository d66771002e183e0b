//! Heads: they turn the encoder's last hidden states into logits, as the classes of `transformers` do.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use model_files::{Architecture, BertConfig, ModelType};
use shared::task::OutputLayer;

use crate::device::Implementation;
use crate::nn::dropout::Site;
use crate::nn::encoder::activate;
use crate::nn::layers::{Dense, LayerNorm, Mode, dropout, linear};
use crate::weights::decoder;
use crate::weights::parameters::{Init, ParameterSource};

/// The head of a task.
#[derive(Module, Debug)]
pub(crate) enum TaskHead {
    Classification(ClassificationHead),
    Tokens(TokenHead),
    Span(SpanHead),
    MaskedLm(MaskedLmHead),
}

impl TaskHead {
    pub(crate) fn build(
        source: &mut ParameterSource<'_>,
        architecture: Architecture,
        config: &BertConfig,
    ) -> Result<TaskHead> {
        Ok(match architecture.layer {
            OutputLayer::Sequence => TaskHead::Classification(ClassificationHead::build(source, config)?),
            OutputLayer::Tokens => TaskHead::Tokens(TokenHead::build(source, config)?),
            OutputLayer::Span => TaskHead::Span(SpanHead::build(source, config)?),
            OutputLayer::Vocabulary => TaskHead::MaskedLm(MaskedLmHead::build(source, config)?),
        })
    }
}

/// The head of `BertForSequenceClassification` or `ElectraForSequenceClassification`: logits from the first token.
#[derive(Module, Debug)]
pub(crate) enum ClassificationHead {
    Bert(BertHead),
    Electra(ElectraHead),
}

/// The pooler, which `transformers` keeps under the encoder's name, and the classifier of
/// `BertForSequenceClassification`.
#[derive(Module, Debug)]
pub(crate) struct BertHead {
    pooler: Dense,
    classifier: Dense,
}

/// `ElectraClassificationHead`.
#[derive(Module, Debug)]
pub(crate) struct ElectraHead {
    dense: Dense,
    out_proj: Dense,
}

impl ClassificationHead {
    pub(crate) fn build(source: &mut ParameterSource<'_>, config: &BertConfig) -> Result<ClassificationHead> {
        let (hidden, labels) = (config.hidden_size, config.outputs());
        Ok(match config.model_type {
            ModelType::Bert => ClassificationHead::Bert(BertHead {
                pooler: Dense::build(source, "bert.pooler.dense", [hidden, hidden])?,
                classifier: Dense::build(source, "classifier", [labels, hidden])?,
            }),
            ModelType::Electra => ClassificationHead::Electra(ElectraHead {
                dense: Dense::build(source, "classifier.dense", [hidden, hidden])?,
                out_proj: Dense::build(source, "classifier.out_proj", [labels, hidden])?,
            }),
        })
    }

    /// `[batch, seq, hidden]` hidden states → `[batch, labels]`, with units dropped at `rate`.
    pub(crate) fn forward(&self, states: Tensor<3>, rate: f64, mode: Mode) -> Tensor<2> {
        let drop = |x, site| dropout(x, rate, mode, site);
        let first = first_token(states);
        match self {
            ClassificationHead::Bert(head) => {
                head.classifier.forward(drop(head.pooled(first), Site::HeadOutput))
            }
            ClassificationHead::Electra(head) => {
                let x = activation::gelu(head.dense.forward(drop(first, Site::HeadInput)));
                head.out_proj.forward(drop(x, Site::HeadOutput))
            }
        }
    }

    /// `[batch, hidden]`; ELECTRA has no pooler.
    #[cfg(test)]
    pub(crate) fn pooled(&self, states: Tensor<3>) -> Option<Tensor<2>> {
        match self {
            ClassificationHead::Bert(head) => Some(head.pooled(first_token(states))),
            ClassificationHead::Electra(_) => None,
        }
    }
}

impl BertHead {
    /// `[batch, hidden]` → the same.
    fn pooled(&self, first: Tensor<2>) -> Tensor<2> {
        activation::tanh(self.pooler.forward(first))
    }
}

/// `[batch, seq, hidden]` → `[batch, hidden]`
fn first_token(states: Tensor<3>) -> Tensor<2> {
    let [rows, _, hidden] = states.dims();
    states.narrow(1, 0, 1).reshape([rows, hidden])
}

/// The head of `BertForTokenClassification` and `ElectraForTokenClassification`.
#[derive(Module, Debug)]
pub(crate) struct TokenHead {
    classifier: Dense,
}

impl TokenHead {
    pub(crate) fn build(source: &mut ParameterSource<'_>, config: &BertConfig) -> Result<TokenHead> {
        let shape = [config.outputs(), config.hidden_size];
        Ok(TokenHead { classifier: Dense::build(source, "classifier", shape)? })
    }

    /// `[tokens, hidden]` → `[tokens, labels]`, with units dropped at `rate`.
    pub(crate) fn forward(&self, states: Tensor<2>, rate: f64, mode: Mode) -> Tensor<2> {
        self.classifier.forward(dropout(states, rate, mode, Site::HeadOutput))
    }
}

/// The head of `BertForQuestionAnswering` and `ElectraForQuestionAnswering`.
#[derive(Module, Debug)]
pub(crate) struct SpanHead {
    qa_outputs: Dense,
}

impl SpanHead {
    pub(crate) fn build(source: &mut ParameterSource<'_>, config: &BertConfig) -> Result<SpanHead> {
        Ok(SpanHead { qa_outputs: Dense::build(source, "qa_outputs", [2, config.hidden_size])? })
    }

    /// `[tokens, hidden]` → `[tokens, 2]`: logits for the start of a span and for its end.
    pub(crate) fn forward(&self, states: Tensor<2>) -> Tensor<2> {
        self.qa_outputs.forward(states)
    }
}

/// The head of `BertForMaskedLM`. The decoder is the table of word embeddings, whose gradient is then the sum of both uses,
/// unless the config unties them.
#[derive(Module, Debug)]
pub(crate) struct MaskedLmHead {
    dense: Dense,
    norm: LayerNorm,
    /// `[vocab, hidden]`; absent where it is tied to the word embeddings.
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
        implementation: Implementation,
    ) -> Tensor<2> {
        let Dense { weight, bias } = &self.dense;
        let x = linear(states, weight.val(), bias.val(), implementation);
        let x = self.norm.forward(activate(x, config.hidden_act), config.layer_norm_eps);
        let decoder = self.decoder.as_ref().map_or(words, Param::val);
        linear(x, decoder, self.bias.val(), implementation)
    }
}
