//! Heads: they turn the encoder's last hidden states into logits.

mod classification;
mod masked_lm;
mod span;
mod tokens;

use anyhow::Result;
use burn::module::Module;
use model_files::{Architecture, BertConfig};
use shared::task::OutputLayer;

use crate::parameters::ParameterSource;

use classification::ClassificationHead;
use masked_lm::MaskedLmHead;
use span::SpanHead;
use tokens::TokenHead;

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
