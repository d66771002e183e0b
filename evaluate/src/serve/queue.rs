//! Between the requests, which come at once, and the model, which computes one batch after another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context, Result};
use shared::schema::{Example, Prediction};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::figures::Figures;
use super::refusal::Refusal;

/// A request that waits.
struct Waiting {
    examples: Vec<Example>,
    answer: oneshot::Sender<Result<Vec<Prediction>, Refusal>>,
    /// Its part of the queue.
    room: OwnedSemaphorePermit,
}

/// Where requests leave their texts. When the last one is gone, the [`Worker`] comes to its end.
#[derive(Clone)]
pub(super) struct Queue {
    jobs: UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
    figures: Figures,
}

/// The other end.
pub(super) struct Worker {
    jobs: UnboundedReceiver<Waiting>,
    figures: Figures,
}

impl Queue {
    /// For so many texts.
    pub(super) fn new(texts: u32, figures: Figures) -> (Queue, Worker) {
        let (sender, jobs) = unbounded_channel();
        let room = Arc::new(Semaphore::new(texts as usize));
        (Queue { jobs: sender, room, figures: figures.clone() }, Worker { jobs, figures })
    }

    /// What the model says of `examples`. Whoever stops waiting takes them out.
    pub(super) async fn ask(&self, examples: Vec<Example>) -> Result<Vec<Prediction>, Refusal> {
        let texts = u32::try_from(examples.len()).map_err(|_| Refusal::QueueFull)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(texts).map_err(|_| Refusal::QueueFull)?;
        let (answer, answered) = oneshot::channel();
        self.figures.waiting.inc_by(texts.into());
        self.jobs.send(Waiting { examples, answer, room }).map_err(|_| Refusal::Failed)?;
        answered.await.map_err(|_| Refusal::Failed)?
    }
}

impl Worker {
    /// Lets a thread of its own answer with `model`, at most `most` texts at a time unless one request has more.
    pub(super) fn start(
        self,
        most: usize,
        mut model: impl FnMut(Vec<Example>) -> Result<Vec<Prediction>> + Send + 'static,
    ) -> Result<JoinHandle<()>> {
        let mut worker = self;
        let work = move || {
            let mut next = worker.jobs.blocking_recv();
            while let Some(first) = next.take() {
                let batch;
                (batch, next) = worker.batch(first, most);
                worker.answer(batch, &mut model);
                next = next.or_else(|| worker.jobs.blocking_recv());
            }
        };
        thread::Builder::new().name("model".into()).spawn(work).context("cannot start a thread")
    }

    /// What waits, as much as is computed at a time, and the request that did not fit any more. While one batch is
    /// computed the next one gathers, so nobody has to be kept waiting for company.
    fn batch(&mut self, first: Waiting, most: usize) -> (Vec<Waiting>, Option<Waiting>) {
        let mut texts = first.examples.len();
        let mut jobs = vec![first];
        while let Ok(job) = self.jobs.try_recv() {
            if texts + job.examples.len() > most {
                return (self.taken(jobs), Some(job));
            }
            texts += job.examples.len();
            jobs.push(job);
        }
        (self.taken(jobs), None)
    }

    /// Those of them for whose answers somebody still waits.
    fn taken(&self, jobs: Vec<Waiting>) -> Vec<Waiting> {
        let texts: usize = jobs.iter().map(|job| job.examples.len()).sum();
        self.figures.waiting.dec_by(texts as i64);
        jobs.into_iter().filter(|job| !job.answer.is_closed()).collect()
    }

    fn answer(&self, jobs: Vec<Waiting>, model: &mut impl FnMut(Vec<Example>) -> Result<Vec<Prediction>>) {
        if jobs.is_empty() {
            return;
        }
        let examples: Vec<Example> = jobs.iter().flat_map(|job| job.examples.iter().cloned()).collect();
        let (count, started) = (examples.len(), Instant::now());
        let predictions = asked(model, examples);
        self.figures.batches.observe(count as f64);
        self.figures.model_seconds.observe(started.elapsed().as_secs_f64());
        match predictions {
            Ok(predictions) if predictions.len() == count => {
                let mut predictions = predictions.into_iter();
                for Waiting { examples, answer, room } in jobs {
                    drop(room);
                    // Who has gone needs no answer.
                    drop(answer.send(Ok(predictions.by_ref().take(examples.len()).collect())));
                }
            }
            // One request's texts must not fail another's.
            Err(_) if jobs.len() > 1 => jobs.into_iter().for_each(|job| self.answer(vec![job], model)),
            failed => {
                let reason =
                    failed.err().map_or("the model left texts out".to_owned(), |error| format!("{error:#}"));
                log::error!("{reason}");
                jobs.into_iter().for_each(|job| drop(job.answer.send(Err(Refusal::Failed))));
            }
        }
    }
}

/// libtorch fails by panics, which must not end the server.
fn asked(
    model: &mut impl FnMut(Vec<Example>) -> Result<Vec<Prediction>>,
    examples: Vec<Example>,
) -> Result<Vec<Prediction>> {
    catch_unwind(AssertUnwindSafe(|| model(examples))).unwrap_or_else(|_| anyhow::bail!("the model failed"))
}
