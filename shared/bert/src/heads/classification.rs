//! Classes, sets of labels or a score of whole sequences: `BertForSequenceClassification` and
//! `ElectraForSequenceClassification`.

use anyhow::Result;
use burn::module::Module;
use burn::tensor::{Tensor, activation};
use model_files::{BertConfig, ModelType};

use crate::dropout::Site;
use crate::layers::{Dense, Mode, dropout};
use crate::parameters::ParameterSource;

/// By the first token; each family has its own.
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
