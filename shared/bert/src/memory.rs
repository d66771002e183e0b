//! libtorch says by a panic that memory is exhausted.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use anyhow::Result;
use shared::fault::{OutOfMemory, is_out_of_memory};

/// Runs `work`, which must leave everything as it was where it does not come to its end.
///
/// # Errors
/// [`OutOfMemory`] in place of such a panic; every other goes on.
pub(crate) fn catch_exhaustion<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome,
        Err(panic) if is_out_of_memory(panic.as_ref()) => Err(OutOfMemory.into()),
        Err(panic) => resume_unwind(panic),
    }
}
