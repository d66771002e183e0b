//! A class for every token: `BertForTokenClassification` and `ElectraForTokenClassification`.

use anyhow::Result;
use burn::module::Module;
use burn::tensor::Tensor;
use model_files::BertConfig;

use crate::dropout::Site;
use crate::layers::{Dense, Mode, dropout};
use crate::parameters::ParameterSource;

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
