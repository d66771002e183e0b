//! The queue of requests that wait for the model.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use shared::schema::{Example, Prediction};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::api_error::ApiError;
use super::metrics::ServerMetrics;
use super::worker::Worker;

/// Failures one after the other from which on the model is taken for broken, not the texts.
const MOST_FAILURES: u32 = 3;

/// When the last clone is gone, the [`Worker`] comes to its end.
#[derive(Clone)]
pub(super) struct Queue {
    jobs: UnboundedSender<Entry>,
    room: Arc<Semaphore>,
    waiting: watch::Sender<u64>,
    failures: Failures,
}

/// A request in the queue. Its texts lie in a slot, which can be emptied from either end.
pub(super) struct Entry {
    slot: Pending,
    pub(super) texts: usize,
    answer: oneshot::Sender<Result<Vec<Prediction>, ApiError>>,
}

/// The slot. The model empties it when it begins, or the request when it waits no longer, whichever comes first.
#[derive(Clone, Default)]
struct Pending(Arc<Mutex<Option<Waiting>>>);

struct Waiting {
    examples: Vec<Example>,
    room: OwnedSemaphorePermit,
    _counted: Counted,
}

/// A request whose answer the model works on. It keeps its part of the queue until then.
pub(super) struct InFlight {
    pub(super) examples: Vec<Example>,
    answer: oneshot::Sender<Result<Vec<Prediction>, ApiError>>,
    room: OwnedSemaphorePermit,
}

/// Failures of the model since its last answer.
#[derive(Clone, Default)]
pub(super) struct Failures(Arc<AtomicU32>);

impl Queue {
    /// Makes a queue for `texts` texts.
    pub(super) fn new(texts: u32, metrics: ServerMetrics) -> (Queue, Worker) {
        let (sender, jobs) = unbounded_channel();
        let (waiting, failures) = (metrics.waiting.clone(), Failures::default());
        let room = Arc::new(Semaphore::new(texts as usize));
        let worker = Worker::new(jobs, failures.clone(), metrics);
        (Queue { jobs: sender, room, waiting, failures }, worker)
    }

    /// Predicts for `examples`. A caller that stops waiting removes them from the queue, or has the model stop between two
    /// batches if it has begun.
    pub(super) async fn ask(&self, examples: Vec<Example>) -> Result<Vec<Prediction>, ApiError> {
        let texts = examples.len();
        let permits = u32::try_from(texts).map_err(|_| ApiError::QueueFull)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(permits).map_err(|_| ApiError::QueueFull)?;
        let (answer, answered) = oneshot::channel();
        let slot = Pending::default();
        let _leaving = Leaving(slot.clone());
        slot.fill(|| {
            let entry = Entry { slot: slot.clone(), texts, answer };
            self.jobs.send(entry).ok()?;
            // Only now, so that what is counted is in the queue.
            let counted = Counted::new(self.waiting.clone(), texts as u64);
            Some(Waiting { examples, room, _counted: counted })
        });
        answered.await.map_err(|_| ApiError::Failed)?
    }

    /// True while the model answers.
    pub(super) fn is_well(&self) -> bool {
        !self.jobs.is_closed() && self.failures.0.load(Ordering::Relaxed) < MOST_FAILURES
    }
}

impl Pending {
    /// Fills the slot under its lock, so that no other thread empties it meanwhile.
    fn fill(&self, waiting: impl FnOnce() -> Option<Waiting>) {
        if let Ok(mut slot) = self.0.lock() {
            *slot = waiting();
        }
    }

    fn empty(&self) -> Option<Waiting> {
        self.0.lock().ok()?.take()
    }
}

/// Dropped with the request's future, whether that was answered or given up.
struct Leaving(Pending);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(waiting) = self.0.empty() {
            tell_abandoned(waiting.examples.len());
        }
    }
}

pub(super) fn tell_abandoned(texts: usize) {
    log::info!("{texts} texts are skipped: their requests were cancelled");
}

/// A number of waiting texts in the metrics, until it is dropped.
struct Counted {
    waiting: watch::Sender<u64>,
    texts: u64,
}

impl Counted {
    fn new(waiting: watch::Sender<u64>, texts: u64) -> Counted {
        waiting.send_modify(|waiting| *waiting += texts);
        Counted { waiting, texts }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.waiting.send_modify(|waiting| *waiting = waiting.saturating_sub(self.texts));
    }
}

impl Entry {
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// Takes the texts; none where the request was cancelled.
    pub(super) fn begin(self) -> Option<InFlight> {
        let Waiting { examples, room, .. } = self.slot.empty()?;
        Some(InFlight { examples, answer: self.answer, room })
    }
}

impl InFlight {
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// Makes room for others before the answer arrives, so that who has it may ask again at once.
    pub(super) fn end(self, answer: Result<Vec<Prediction>, ApiError>) {
        drop(self.room);
        // Who has gone needs no answer.
        drop(self.answer.send(answer));
    }
}

impl Failures {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
