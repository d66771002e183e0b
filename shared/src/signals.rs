//! SIGTERM, SIGINT and SIGUSR1, by which a scheduler or a person asks a stage to stop.

use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::console::report_failure;
use crate::fault::FaultKind;

/// The reaction to a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnSignal {
    /// Nothing that could be saved: the process may end at once.
    Disposable,
    /// A [`Saving`] exists.
    Saveable,
    /// The same, and a signal has come.
    Stopping,
}

static ON_SIGNAL: Mutex<OnSignal> = Mutex::new(OnSignal::Disposable);

/// Takes the signals from now on. Where there is nothing to save, the first ends the process with exit code 5; else
/// it is for [`Saving::stop_requested`] to see, and further ones change nothing.
///
/// # Errors
/// An error if the system does not allow it.
pub fn listen() -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1]).context("cannot listen to signals")?;
    let take = move || signals.forever().for_each(receive);
    thread::Builder::new().name("signals".into()).spawn(take).context("cannot start a thread")?;
    Ok(())
}

fn receive(signal: i32) {
    let name = low_level::signal_name(signal).unwrap_or("a signal");
    let Ok(mut state) = ON_SIGNAL.lock() else { return };
    match *state {
        OnSignal::Disposable => {
            report_failure(FaultKind::Stopped, &format!("stopped by {name}; run the same command again"));
            // This skips the clean-up of the libraries, which is not safe while other threads run.
            low_level::exit(FaultKind::Stopped.code().into());
        }
        OnSignal::Saveable => {
            log::info!("{name}: saving what is done");
            *state = OnSignal::Stopping;
        }
        OnSignal::Stopping => {}
    }
}

/// Held while there is work that its holder saves when it is asked to stop.
#[derive(Debug)]
pub struct Saving(());

impl Saving {
    /// Has signals set a mark from now on.
    pub fn begin() -> Saving {
        change(OnSignal::Disposable, OnSignal::Saveable);
        Saving(())
    }

    /// True once a signal has come; cheap to call.
    pub fn stop_requested(&self) -> bool {
        ON_SIGNAL.lock().is_ok_and(|state| *state == OnSignal::Stopping)
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        // A process that was asked to stop is on its way out, and says so itself.
        change(OnSignal::Saveable, OnSignal::Disposable);
    }
}

fn change(from: OnSignal, to: OnSignal) {
    if let Ok(mut state) = ON_SIGNAL.lock()
        && *state == from
    {
        *state = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_seen_while_saving_and_a_second_one_changes_nothing() {
        let now = || *ON_SIGNAL.lock().unwrap();
        drop(Saving::begin());
        assert_eq!(now(), OnSignal::Disposable);
        let saving = Saving::begin();
        assert!(!saving.stop_requested());
        receive(SIGTERM);
        assert!(saving.stop_requested());
        receive(SIGINT);
        assert!(saving.stop_requested());
        drop(saving);
        assert_eq!(now(), OnSignal::Stopping);
    }
}
