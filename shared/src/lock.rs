//! A lock: one process builds a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::fault::Fault;

/// An operating-system lock on a file: released when it is dropped, and by the death of the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

const POLL: Duration = Duration::from_millis(200);

impl Lock {
    /// Takes the lock at `path`, waiting up to `patience` for another process that holds it.
    ///
    /// # Errors
    /// A [`Fault::retry`] when the wait is over.
    pub(crate) fn take(path: &Path, patience: Duration) -> Result<Lock> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let started = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::Error(error)) => {
                    let advice = "the file system has no locks; name another one with --work";
                    return Err(error)
                        .context(Fault::usage(format!("cannot lock {}: {advice}", path.display())));
                }
                Err(TryLockError::WouldBlock) if started.elapsed() >= patience => {
                    bail!(Fault::retry(format!(
                        "another process has been building this folder for {} s (lock {}); run the same command again later",
                        patience.as_secs(),
                        path.display()
                    )))
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        log::info!("another process is building this folder; waiting for it");
                        told = true;
                    }
                    thread::sleep(POLL);
                }
            }
        }
    }
}
