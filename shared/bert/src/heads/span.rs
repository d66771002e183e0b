//! Where an answer begins and ends: `BertForQuestionAnswering` and `ElectraForQuestionAnswering`.

use anyhow::Result;
use burn::module::Module;
use burn::tensor::Tensor;
use model_files::BertConfig;

use crate::layers::Dense;
use crate::parameters::ParameterSource;

#[derive(Module, Debug)]
pub(crate) struct SpanHead {
    qa_outputs: Dense,
}

impl SpanHead {
    pub(crate) fn build(source: &mut ParameterSource<'_>, config: &BertConfig) -> Result<SpanHead> {
        Ok(SpanHead { qa_outputs: Dense::build(source, "qa_outputs", [2, config.hidden_size])? })
    }

    /// `[tokens, hidden]` → `[tokens, 2]`: how well a span begins there, and ends there.
    pub(crate) fn forward(&self, states: Tensor<2>) -> Tensor<2> {
        self.qa_outputs.forward(states)
    }
}
