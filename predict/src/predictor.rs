//! A fine-tuned model with its tokenizer, which predicts for texts.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::{Context, Error, Result};
use models::{BertConfig, Compute, Dataset, HeadPolicy, Model};
use shared::config::Weights;
use shared::schema::{Example, Features, Prediction};
use tasks::Window;

use crate::encoder::{EncodedExamples, Encoder, example};
use crate::model::ModelSource;

/// The seed has no effect: inference has no dropout, and no weight is initialized.
const SEED: u64 = 0;
/// The number of candidates for every mask.
const CANDIDATES: usize = 5;

/// The reason why a prediction failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A text cannot be encoded. The model did not run.
    Text(Error),
    /// The model failed.
    Model(Error),
}

/// A model with its tokenizer. Predictions come in the order of the examples; batches may have another order.
pub(crate) struct Predictor {
    encoder: Arc<Encoder>,
    model: Model,
    batch_size: usize,
}

impl Predictor {
    /// Loads the model and its tokenizer.
    ///
    /// # Errors
    /// An input fault where the model's files are damaged, or are those of another task; a usage fault where there is
    /// no such device.
    pub(crate) fn open(source: &ModelSource) -> Result<Predictor> {
        let ModelSource { folder, task, params, compute, .. } = source;
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

    /// The rows of a batch.
    pub(crate) fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Predicts for each of `examples`, in their order.
    ///
    /// # Errors
    /// The error of the first example that fails, with its id; [`shared::fault::OutOfMemory`] where memory does not
    /// suffice for a single row.
    pub(crate) fn predict(&self, examples: Vec<Example>) -> Result<Vec<Prediction>> {
        self.answer(self.encoder.encode(examples)?)
    }

    /// Predicts for each of `examples`, in their order. Calls `is_abandoned` between batches, and returns None once it is
    /// true.
    pub(crate) fn predict_unless(
        &self,
        examples: Vec<Example>,
        is_abandoned: impl Fn() -> bool,
    ) -> Result<Option<Vec<Prediction>>, Failure> {
        let encoded = self.encoder.encode(examples).map_err(Failure::Text)?;
        self.answer_unless(encoded, is_abandoned).map_err(Failure::Model)
    }

    /// Predicts for a short text, so that settings with which every prediction fails are found at the start.
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
