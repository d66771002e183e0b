//! The queue of requests that wait for the model.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use shared::schema::{Example, Prediction};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::api_error::ApiError;
use super::metrics::ServerMetrics;
use super::worker::Worker;

/// The consecutive failures from which on the model counts as broken. Fewer may be the fault of the texts.
const MOST_FAILURES: u32 = 3;

/// The sending end of the queue. The [`Worker`] ends when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Queue {
    jobs: UnboundedSender<Entry>,
    room: Arc<Semaphore>,
    waiting: watch::Sender<u64>,
    failures: Failures,
}

/// A request in the queue. Its texts are in a slot, which both the model's thread and the request can empty.
pub(super) struct Entry {
    slot: Pending,
    pub(super) texts: usize,
    answer: oneshot::Sender<Result<Vec<Prediction>, ApiError>>,
}

/// The slot for the texts of a request. The model's thread empties it when it begins the request, or the request does
/// when it stops waiting, whichever comes first.
#[derive(Clone, Default)]
struct Pending(Arc<Mutex<Option<Waiting>>>);

struct Waiting {
    examples: Vec<Example>,
    room: OwnedSemaphorePermit,
    _counted: Counted,
}

/// A request that the model computes. It holds its places in the queue until it is answered or dropped.
pub(super) struct InFlight {
    pub(super) examples: Vec<Example>,
    answer: oneshot::Sender<Result<Vec<Prediction>, ApiError>>,
    room: OwnedSemaphorePermit,
}

/// Failures of the model since its last answer.
#[derive(Clone, Default)]
pub(super) struct Failures(Arc<AtomicU32>);

impl Queue {
    /// Makes a queue with places for `texts` texts, and its worker.
    pub(super) fn new(texts: u32, metrics: ServerMetrics) -> (Queue, Worker) {
        let (sender, jobs) = unbounded_channel();
        let (waiting, failures) = (metrics.waiting.clone(), Failures::default());
        let room = Arc::new(Semaphore::new(texts as usize));
        let worker = Worker::new(jobs, failures.clone(), metrics);
        (Queue { jobs: sender, room, waiting, failures }, worker)
    }

    /// Predicts for `examples`. Dropping the future removes them from the queue. If the model has begun them, it stops
    /// between two batches once all requests that it computes together are dropped.
    ///
    /// # Errors
    /// [`ApiError::QueueFull`] where the queue has too few free places; the model's error; [`ApiError::Failed`] where
    /// the worker has ended.
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
            // Counted after the send, so that every counted text is in the queue.
            let counted = Counted::new(self.waiting.clone(), texts as u64);
            Some(Waiting { examples, room, _counted: counted })
        });
        answered.await.map_err(|_| ApiError::Failed)?
    }

    /// True while the worker runs, after fewer than [`MOST_FAILURES`] consecutive failures.
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

/// Empties the slot when the request's future is dropped, whether that was answered or cancelled.
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

/// Counts a number of texts as waiting in the metrics, until it is dropped.
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

    /// Takes the texts from the slot; None where the request was cancelled.
    pub(super) fn begin(self) -> Option<InFlight> {
        let Waiting { examples, room, .. } = self.slot.empty()?;
        Some(InFlight { examples, answer: self.answer, room })
    }
}

impl InFlight {
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// Sends the answer. It frees the places first, so that a client with its answer can send the next request at once.
    pub(super) fn end(self, answer: Result<Vec<Prediction>, ApiError>) {
        drop(self.room);
        // The send fails where the request was cancelled; it needs no answer.
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
