//! SIGTERM, SIGINT and SIGUSR1: after the first signal the server answers the accepted requests and ends; a second one
//! ends it at once.

use std::thread;

use anyhow::{Context, Result};
use shared::console::{flush, report_failure};
use shared::fault::FaultKind;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use tokio::sync::oneshot;

/// Handles the signals from now on. The receiver gets the name of the first one.
///
/// # Errors
/// An error where the system refuses the handlers or the thread.
pub(super) fn listen() -> Result<oneshot::Receiver<&'static str>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1]).context("cannot listen to signals")?;
    let (sender, first) = oneshot::channel();
    let mut sender = Some(sender);
    let take = move || {
        for signal in signals.forever() {
            let name = low_level::signal_name(signal).unwrap_or("a signal");
            match sender.take() {
                Some(sender) => drop(sender.send(name)),
                None => {
                    report_failure(
                        FaultKind::Stopped,
                        &format!("stopped by {name} before all accepted requests were answered"),
                    );
                    leave(FaultKind::Stopped.code());
                }
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(take).context("cannot start a thread")?;
    Ok(first)
}

/// Ends the process without the exit handlers of libraries, which are not safe while threads run.
pub(super) fn leave(code: u8) -> ! {
    flush();
    low_level::exit(code.into())
}
