//! The model's thread, which computes the waiting requests batch by batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use shared::fault::panic_reason;
use shared::schema::{Example, Prediction};
use tokio::sync::mpsc::UnboundedReceiver;

use super::api_error::ApiError;
use super::metrics::ServerMetrics;
use super::queue::{Entry, Failures, InFlight, tell_abandoned};
use crate::predictor::Failure;

/// Predictions for examples, or None where all their requests were cancelled.
pub(super) type PredictResult = Result<Option<Vec<Prediction>>, Failure>;

/// The function that predicts. Between batches it may call its second argument, which is true once all requests were
/// cancelled, and then return None.
pub(super) trait PredictFn: FnMut(Vec<Example>, &dyn Fn() -> bool) -> PredictResult {}

impl<F: FnMut(Vec<Example>, &dyn Fn() -> bool) -> PredictResult> PredictFn for F {}

/// The receiving end of a [`super::queue::Queue`].
pub(super) struct Worker {
    jobs: UnboundedReceiver<Entry>,
    failures: Failures,
    metrics: ServerMetrics,
}

/// A running [`Worker`].
pub(super) struct ModelThread {
    handle: JoinHandle<()>,
    /// A channel without messages; it closes when the thread ends.
    end: mpsc::Receiver<()>,
}

impl ModelThread {
    /// Waits for the thread; true where it ends within `time`.
    ///
    /// # Errors
    /// An error where it has panicked.
    pub(super) fn ends_within(self, time: Duration) -> Result<bool> {
        if self.end.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
            return Ok(false);
        }
        self.handle.join().map_err(|_| anyhow!("the thread of the model has failed"))?;
        Ok(true)
    }
}

impl Worker {
    pub(super) fn new(jobs: UnboundedReceiver<Entry>, failures: Failures, metrics: ServerMetrics) -> Worker {
        Worker { jobs, failures, metrics }
    }

    /// Starts a thread that answers requests with `model`. A batch has at most `most` texts, unless a single request
    /// has more.
    pub(super) fn start(
        self,
        most: usize,
        mut model: impl PredictFn + Send + 'static,
    ) -> Result<ModelThread> {
        let (ending, end) = mpsc::channel();
        let mut worker = self;
        let work = move || {
            let mut next = worker.jobs.blocking_recv();
            while let Some(first) = next.take() {
                let batch;
                (batch, next) = worker.batch(first, most);
                worker.answer(batch, &mut model);
                next = next.or_else(|| worker.jobs.blocking_recv());
            }
            drop(ending);
        };
        let handle =
            thread::Builder::new().name("model".into()).spawn(work).context("cannot start a thread")?;
        Ok(ModelThread { handle, end })
    }

    /// The next batch of waiting requests, and the request that did not fit. A batch gathers while the one before it is
    /// computed, so no request is held back to fill a batch.
    fn batch(&mut self, first: Entry, most: usize) -> (Vec<InFlight>, Option<Entry>) {
        let mut jobs: Vec<InFlight> = first.begin().into_iter().collect();
        let mut texts: usize = jobs.iter().map(|job| job.examples.len()).sum();
        while let Ok(entry) = self.jobs.try_recv() {
            if entry.is_abandoned() {
                continue;
            }
            if !jobs.is_empty() && texts + entry.texts > most {
                return (jobs, Some(entry));
            }
            if let Some(job) = entry.begin() {
                texts += job.examples.len();
                jobs.push(job);
            }
        }
        (jobs, None)
    }

    fn answer(&self, jobs: Vec<InFlight>, model: &mut impl PredictFn) {
        let (abandoned, jobs): (Vec<InFlight>, Vec<InFlight>) =
            jobs.into_iter().partition(InFlight::is_abandoned);
        abandoned.iter().for_each(|job| tell_abandoned(job.examples.len()));
        if jobs.is_empty() {
            return;
        }
        let examples: Vec<Example> = jobs.iter().flat_map(|job| job.examples.iter().cloned()).collect();
        let (count, started) = (examples.len(), Instant::now());
        let outcome = call_model(model, examples, &|| jobs.iter().all(InFlight::is_abandoned));
        self.metrics.batches.observe(count as f64);
        self.metrics.model_seconds.observe(started.elapsed().as_secs_f64());
        match outcome {
            Ok(Some(predictions)) if predictions.len() == count => {
                self.failures.end();
                let mut predictions = predictions.into_iter();
                for job in jobs {
                    let own = predictions.by_ref().take(job.examples.len()).collect();
                    job.end(Ok(own));
                }
            }
            Ok(None) => log::info!("{count} texts are left unfinished: their requests were cancelled"),
            // One request's texts must not fail another's.
            Err(Failure::Text(error) | Failure::Model(error)) if jobs.len() > 1 => {
                log::warn!("the requests of a batch are computed one by one: {error:#}");
                jobs.into_iter().for_each(|job| self.answer(vec![job], model));
            }
            // A text that cannot be encoded is no failure of the model.
            Err(Failure::Text(error)) => {
                let refusal = ApiError::Unfit(format!("{error:#}"));
                jobs.into_iter().for_each(|job| job.end(Err(refusal.clone())));
            }
            failed => {
                self.failures.add();
                match failed {
                    Err(Failure::Model(error)) => log::error!("{error:#}"),
                    _ => log::error!("the model gave another number of predictions than of texts"),
                }
                jobs.into_iter().for_each(|job| job.end(Err(ApiError::Failed)));
            }
        }
    }
}

/// Calls the model. libtorch reports errors by panics; they become [`Failure::Model`], so that the server goes on.
fn call_model(
    model: &mut impl PredictFn,
    examples: Vec<Example>,
    is_abandoned: &dyn Fn() -> bool,
) -> PredictResult {
    match catch_unwind(AssertUnwindSafe(|| model(examples, is_abandoned))) {
        Ok(answers) => answers,
        Err(panic) => Err(Failure::Model(anyhow!("the model failed: {}", panic_reason(panic.as_ref())))),
    }
}
