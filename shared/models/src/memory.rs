//! Exhausted memory: libtorch panics, and callers get an error.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use anyhow::Result;
use shared::fault::{OutOfMemory, is_out_of_memory};

/// Runs `work`, which must change nothing unless it comes to its end.
///
/// # Errors
/// [`OutOfMemory`] in place of such a panic; other panics continue.
pub(crate) fn catch_exhaustion<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome,
        Err(panic) if is_out_of_memory(panic.as_ref()) => Err(OutOfMemory.into()),
        Err(panic) => resume_unwind(panic),
    }
}
