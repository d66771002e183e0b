//! Faults: the reasons why a stage stopped, with an exit code that a scheduler can act on.

use std::any::Any;
use std::fmt;
use std::io;
use std::process::ExitCode;

/// The class of a failure; it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The command line or the config is wrong. Exit 2: never worth a retry.
    Usage,
    /// An input is bad or a folder is damaged. Exit 3: never worth a retry.
    Input,
    /// The network, a full disk, a lock that stayed taken. Exit 4: worth a retry.
    Retry,
    /// A signal stopped the stage. Exit 5: the same command continues from there.
    Stopped,
    /// Anything else, which is a bug. Exit 1.
    Bug,
}

impl FaultKind {
    /// The exit code as a number.
    pub fn code(self) -> u8 {
        match self {
            FaultKind::Bug => 1,
            FaultKind::Usage => 2,
            FaultKind::Input => 3,
            FaultKind::Retry => 4,
            FaultKind::Stopped => 5,
        }
    }

    /// The exit code of a process.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// An error whose class is known. It travels in an [`anyhow::Error`] as its root or as a context.
#[derive(Debug)]
pub struct Fault {
    kind: FaultKind,
    message: String,
}

impl Fault {
    /// A wrong command line or config.
    pub fn usage(message: impl Into<String>) -> Self {
        Fault { kind: FaultKind::Usage, message: message.into() }
    }

    /// A bad input.
    pub fn input(message: impl Into<String>) -> Self {
        Fault { kind: FaultKind::Input, message: message.into() }
    }

    /// A fault that may be gone at the next try.
    pub fn retry(message: impl Into<String>) -> Self {
        Fault { kind: FaultKind::Retry, message: message.into() }
    }

    /// A stop by a signal.
    pub fn stopped(message: impl Into<String>) -> Self {
        Fault { kind: FaultKind::Stopped, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// The device has too little memory for an operation.
#[derive(Debug)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A batch that memory has no room for is halved, down to one example.
        f.write_str(
            "memory is exhausted, even by one example at a time; take shorter rows (`tokenize.max_seq_length`), a smaller model, \
             or a machine with more memory",
        )
    }
}

impl std::error::Error for OutOfMemory {}

/// A model computes NaN or infinity from finite weights.
#[derive(Debug)]
pub struct NotFinite;

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "what the model computes is not finite (NaN or infinity): its weights are out of range; take another copy of the \
             model, or an earlier state of it",
        )
    }
}

impl std::error::Error for NotFinite {}

/// True where a panic of libtorch means exhausted memory, on a GPU or on the CPU.
pub fn is_out_of_memory(panic: &(dyn Any + Send)) -> bool {
    // libtorch on a GPU and on the CPU, C++, and the libraries below.
    let signs =
        ["out of memory", "can't allocate memory", "bad_alloc", "STATUS_ALLOC_FAILED", "memory object"];
    text_of(panic).is_some_and(|text| signs.iter().any(|sign| text.contains(sign)))
}

/// The first line of a panic's message; libtorch adds a stack of C++ functions to it.
pub fn panic_reason(panic: &(dyn Any + Send)) -> &str {
    text_of(panic).and_then(|text| text.lines().next()).unwrap_or("without a reason")
}

fn text_of(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied())
}

/// The class of `error`: a full disk wherever it stands in the chain, then the outermost [`Fault`], then what
/// an I/O error says by itself.
pub fn kind_of(error: &anyhow::Error) -> FaultKind {
    let io = || error.chain().filter_map(io_error);
    if io().any(is_full_disk) {
        return FaultKind::Retry;
    }
    // anyhow hides a context's type from `chain`, but not from its own downcast.
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.kind;
    }
    if let Some(fault) = error.chain().find_map(|cause| cause.downcast_ref::<Fault>()) {
        return fault.kind;
    }
    if error.chain().any(|cause| cause.is::<OutOfMemory>()) {
        return FaultKind::Usage;
    }
    if error.chain().any(|cause| cause.is::<NotFinite>()) {
        return FaultKind::Input;
    }
    match io().next().map(io::Error::kind) {
        Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => FaultKind::Usage,
        Some(
            io::ErrorKind::TimedOut
            | io::ErrorKind::StaleNetworkFileHandle
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::Interrupted,
        ) => FaultKind::Retry,
        Some(io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
            FaultKind::Input
        }
        _ => FaultKind::Bug,
    }
}

fn io_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    cause.downcast_ref::<io::Error>()
}

fn is_full_disk(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    fn check(error: anyhow::Error, code: u8) {
        assert_eq!(kind_of(&error).code(), code, "{error:#}");
    }

    #[test]
    fn the_class_survives_contexts() {
        check(anyhow!(Fault::usage("no such key")), 2);
        check(anyhow!(Fault::input("row 3 has no label")).context("reading a.tsv"), 3);
        check(anyhow!("timed out").context(Fault::retry("fetching a.tsv")), 4);
        check(anyhow!("timed out").context(Fault::retry("fetching a.tsv")).context("outer"), 4);
        check(anyhow!(Fault::stopped("SIGTERM")), 5);
        check(anyhow!(NotFinite).context("reading a.tsv"), 3);
        check(anyhow!("an index is off"), 1);
    }

    #[test]
    fn a_panic_says_why() {
        let check = |panic: &(dyn Any + Send), expect: &str| assert_eq!(panic_reason(panic), expect);
        check(&"no memory".to_owned(), "no memory");
        check(&"shapes differ\n  frame 0", "shapes differ");
        check(&7, "without a reason");
    }

    #[test]
    fn io_errors_speak_for_themselves() {
        let io = |kind: io::ErrorKind| Err::<(), _>(io::Error::from(kind)).context("writing x");
        check(io(io::ErrorKind::StorageFull).unwrap_err(), 4);
        check(io(io::ErrorKind::StorageFull).context(Fault::input("x")).unwrap_err(), 4);
        check(io(io::ErrorKind::PermissionDenied).unwrap_err(), 2);
        check(io(io::ErrorKind::NotFound).unwrap_err(), 3);
        check(io(io::ErrorKind::StaleNetworkFileHandle).unwrap_err(), 4);
    }
}
