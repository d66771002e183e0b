//! A fine-tuned model with its tokenizer, which predicts for texts.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::{Context, Error, Result};
use models::{BertConfig, Compute, Dataset, HeadPolicy, Model};
use shared::config::Weights;
use shared::schema::{Example, Features, Prediction};
use tasks::Window;

use crate::encoder::{EncodedExamples, Encoder, example};
use crate::model::Source;

/// Nothing is random without dropout.
const SEED: u64 = 0;
/// Tokens that are named for every mask.
const CANDIDATES: usize = 5;

/// Why texts are not answered.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A text cannot be encoded: the model has no part in it.
    Text(Error),
    Model(Error),
}

/// A model with its tokenizer. It answers in the order in which it is asked, whatever is computed together.
pub(crate) struct Predictor {
    encoder: Arc<Encoder>,
    model: Model,
    batch_size: usize,
}

impl Predictor {
    /// # Errors
    /// An input fault where the model's files are damaged, or are those of another task; a usage fault where there is
    /// no such device.
    pub(crate) fn open(source: &Source) -> Result<Predictor> {
        let Source { folder, task, params, compute, .. } = source;
        let encoder = Encoder::open(source)?;
        let bert = BertConfig::read(folder)?.with_task(
            task.output_layer(),
            task.targets(&params.labels),
            &tasks::spec(*task).outputs(params),
        );
        let device = Compute::open(compute.device, compute.precision, compute.threads, SEED)?;
        let model = Model::build(folder, bert, Weights::Pretrained, HeadPolicy::Required, &device, SEED)?
            .for_inference();
        log::info!("{} of {} on {}", task.name(), folder.display(), device.description());
        Ok(Predictor { encoder: Arc::new(encoder), model, batch_size: compute.batch_size })
    }

    /// The encoder, for other threads.
    pub(crate) fn encoder(&self) -> Arc<Encoder> {
        Arc::clone(&self.encoder)
    }

    /// Examples at a time.
    pub(crate) fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Predicts for each of `examples`, in their order.
    ///
    /// # Errors
    /// The error of the first example that fails, with its id; [`shared::fault::OutOfMemory`] where it does not suffice for a row.
    pub(crate) fn predict(&self, examples: Vec<Example>) -> Result<Vec<Prediction>> {
        self.answer(self.encoder.encode(examples)?)
    }

    /// [`Predictor::predict`], or None where `is_abandoned`, which is asked between batches, has said so.
    pub(crate) fn predict_unless(
        &self,
        examples: Vec<Example>,
        is_abandoned: impl Fn() -> bool,
    ) -> Result<Option<Vec<Prediction>>, Failure> {
        let encoded = self.encoder.encode(examples).map_err(Failure::Text)?;
        self.answer_unless(encoded, is_abandoned).map_err(Failure::Model)
    }

    /// Asks the model about a short text, so that a setting that no text can be answered with is found at once.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub(crate) fn try_out(&self) -> Result<()> {
        let texts = self.encoder.task().shape().texts.columns().iter().map(|_| "a".to_owned());
        self.predict(vec![example("try-out".to_owned(), texts)]).map(drop)
    }

    /// Predicts for encoded examples.
    pub(crate) fn answer(&self, encoded: EncodedExamples) -> Result<Vec<Prediction>> {
        self.answer_unless(encoded, || false)?.context("the prediction ended early")
    }

    fn answer_unless(
        &self,
        encoded: EncodedExamples,
        is_abandoned: impl Fn() -> bool,
    ) -> Result<Option<Vec<Prediction>>> {
        let EncodedExamples { examples, rows, counts, .. } = encoded;
        let dataset = self.dataset(rows)?;
        let between = |_| if is_abandoned() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let outputs = self.model.all_outputs(&dataset, self.batch_size, between)?;
        let Some(outputs) = outputs.continue_value() else { return Ok(None) };
        let windows = Window::all(dataset.rows(), &outputs);
        let mut rest = windows.as_slice();
        let mut predictions = Vec::with_capacity(examples.len());
        for (example, count) in examples.into_iter().zip(counts) {
            let (own, after) = rest.split_at(count.min(rest.len()));
            rest = after;
            predictions.push(self.encoder.prediction(example, own)?);
        }
        Ok(Some(predictions))
    }

    fn dataset(&self, rows: Vec<Features>) -> Result<Dataset> {
        let dataset = Dataset::of(rows);
        Ok(match self.encoder.mask_token_id() {
            Some(mask) => dataset.with_masks_in_texts(i32::try_from(mask)?, CANDIDATES),
            None => dataset,
        })
    }
}
