//! One label for a text: sentiment, topic, intent.

use anyhow::Result;

use super::{Decoded, Definition, Encoded, Loss, Output, OutputLayer, Prediction, Scores, Setting, Window};
use super::{losses, sequence};
use crate::figures::Metric;
use crate::schema::{DecodedKind, Example, ExampleShape, Features, TargetKind, Texts, TruthKind};
use crate::tokens::Tokenizer;

#[derive(Debug)]
pub(super) struct Classification;

impl Definition for Classification {
    fn name(&self) -> &'static str {
        "classification"
    }

    fn shape(&self) -> ExampleShape {
        ExampleShape { texts: Texts::One, truth: TruthKind::Label }
    }

    fn targets(&self, _labels: &[String]) -> TargetKind {
        TargetKind::Class
    }

    fn output_layer(&self) -> OutputLayer {
        OutputLayer::Sequence
    }

    fn decoded(&self) -> DecodedKind {
        DecodedKind::Class
    }

    fn metrics(&self, _setting: &Setting) -> &'static [Metric] {
        &[Metric::Accuracy, Metric::MacroF1]
    }

    fn encode(
        &self,
        example: &Example,
        setting: &Setting,
        tokenizer: &mut dyn Tokenizer,
    ) -> Result<Vec<Encoded>> {
        sequence::encode(example, sequence::class_of(example, setting)?, tokenizer)
    }

    fn loss(&self, row: &Features, output: &Output) -> Loss {
        losses::cross_entropy(&row.targets, output)
    }

    fn decode(&self, _example: &Example, windows: &[Window<'_>], setting: &Setting) -> Result<Decoded> {
        sequence::decode_class(windows, setting)
    }

    fn score(&self, predictions: &[Prediction], setting: &Setting) -> Result<Scores> {
        sequence::score_classes(predictions, setting)
    }
}
