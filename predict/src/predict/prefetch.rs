//! An iterator whose items a thread computes ahead of the consumer.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use shared::fault::panic_reason;

/// Items that a separate thread computes, one ahead of the consumer. The process may end while that thread waits for
/// input.
pub(super) struct Prefetch<T> {
    receiver: Receiver<Result<T>>,
    /// None once the thread was joined.
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Starts the thread. The iterator ends after the first error of `items`.
    pub(super) fn of(items: impl Iterator<Item = Result<T>> + Send + 'static) -> Result<Prefetch<T>> {
        let (sender, receiver) = sync_channel(1);
        let work = move || {
            for item in items {
                let failed = item.is_err();
                if sender.send(item).is_err() || failed {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("encode".into()).spawn(work);
        Ok(Prefetch { receiver, thread: Some(thread.context("cannot start a thread")?) })
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = Result<T>;

    /// Returns an error where the thread has panicked, since items are missing then.
    fn next(&mut self) -> Option<Result<T>> {
        if let Ok(item) = self.receiver.recv() {
            return Some(item);
        }
        let panicked = self.thread.take()?.join().err()?;
        let reason = panic_reason(&*panicked);
        Some(Err(anyhow!(
            "the thread that encodes texts has panicked: {reason}; some texts have no prediction"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_in_their_order_up_to_an_error() {
        let items = (0..3).map(Ok).chain([Err(anyhow!("torn")), Ok(4)]);
        let found: Vec<Result<u8>> = Prefetch::of(items).unwrap().collect();
        let [Ok(0), Ok(1), Ok(2), Err(error)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(error.to_string(), "torn");
    }

    #[test]
    fn a_panic_is_an_error() {
        let items = (0..4).map(|item| if item < 2 { Ok(item) } else { panic!("index {item}") });
        let found: Vec<Result<u8>> = Prefetch::of(items).unwrap().collect();
        let [Ok(0), Ok(1), Err(error)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(shared::fault::kind_of(error).code(), 1);
        assert!(error.to_string().contains("panicked: index 2"), "{error:#}");
    }
}
