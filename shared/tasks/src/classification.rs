//! One label for a text: sentiment, topic, intent.

use anyhow::Result;

use super::{Encoded, Loss, Scores, TaskParams, TaskSpec, Window};
use super::{losses, sequence};
use shared::model_output::Output;
use shared::schema::{Decoded, Prediction};
use shared::schema::{Example, Features};
use shared::tokens::Tokenizer;

#[derive(Debug)]
pub(super) struct Classification;

impl TaskSpec for Classification {
    fn encode(
        &self,
        example: &Example,
        params: &TaskParams,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>> {
        sequence::encode(example, sequence::class_of(example, params)?, tokenizer)
    }

    fn loss(&self, row: &Features, output: &Output) -> Loss {
        losses::cross_entropy(&row.targets, output)
    }

    fn decode(&self, _example: &Example, windows: &[Window<'_>], params: &TaskParams) -> Result<Decoded> {
        sequence::decode_class(windows, params)
    }

    fn score(&self, predictions: &[Prediction], params: &TaskParams) -> Result<Scores> {
        sequence::score_classes(predictions, params)
    }
}
