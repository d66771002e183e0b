//! Output on stderr: log lines and progress.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use log::{Level, LevelFilter, Metadata, Record};
use serde_json::json;
use std::sync::OnceLock;

use crate::fault::{FaultKind, is_out_of_memory};
use crate::line_writer::LineWriter;

/// The format of lines on stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

struct Console {
    format: LogFormat,
    source: &'static str,
    bars: MultiProgress,
}

static CONSOLE: OnceLock<Console> = OnceLock::new();
/// The writer thread of a program that must not wait for the reader of its stderr.
static WRITER: OnceLock<LineWriter> = OnceLock::new();
/// For the last lines to be read before a process ends.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// Makes this process' log lines come from `source`. A second call changes nothing.
pub fn init(format: LogFormat, source: &'static str) {
    let console = CONSOLE.get_or_init(|| Console { format, source, bars: MultiProgress::new() });
    if log::set_logger(console).is_ok() {
        log::set_max_level(LevelFilter::Info);
        std::panic::set_hook(Box::new(|panic| {
            // The code that catches the panic reports an out-of-memory error in full.
            if !is_out_of_memory(panic.payload()) {
                report_failure(FaultKind::Bug, &format!("bug: {panic}"));
            }
        }));
    }
}

/// Starts a thread that writes the lines, and drops lines that cannot be written. It suits a server, which has no progress
/// bars.
///
/// # Errors
/// An error if the system cannot start another thread.
pub fn write_from_a_thread() -> Result<()> {
    let writer = LineWriter::start(std::io::stderr()).context("cannot start a thread")?;
    // A second call changes nothing.
    drop(WRITER.set(writer));
    Ok(())
}

/// To be called before the process ends: gives what is written from a thread a second to be read.
pub fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush(FLUSH_TIME);
    }
}

impl Console {
    fn write(&self, level: Level, message: &str) {
        let line = match self.format {
            LogFormat::Json => {
                json!({"level": level.as_str().to_lowercase(), "stage": self.source, "message": message})
                    .to_string()
            }
            LogFormat::Text if level <= Level::Warn => {
                format!("{}: {}: {message}", self.source, level.as_str().to_lowercase())
            }
            LogFormat::Text => format!("{}: {message}", self.source),
        };
        self.line(&line);
    }

    fn line(&self, line: &str) {
        match WRITER.get() {
            Some(writer) => writer.write(line.to_owned()),
            // A closed stderr must not stop a training.
            None => self.bars.suspend(|| drop(writeln!(std::io::stderr(), "{line}"))),
        }
    }
}

/// The project's crates, whose log lines are shown.
pub const CRATES: [&str; 13] = [
    "evaluate",
    "fetch",
    "kernels",
    "metrics",
    "model_files",
    "models",
    "predict",
    "rows",
    "shared",
    "tasks",
    "tokenize",
    "tokenizer",
    "train",
];

impl log::Log for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= LevelFilter::Info
    }

    fn log(&self, record: &Record<'_>) {
        // Libraries may speak up in a warning; below that only the project's own lines are shown.
        let root = record.target().split("::").next().unwrap_or_default();
        if self.enabled(record.metadata()) && (record.level() <= Level::Warn || CRATES.contains(&root)) {
            self.write(record.level(), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// The one line that a failed stage ends with.
pub fn report_failure(kind: FaultKind, message: &str) {
    let message = message.replace('\n', " ");
    match CONSOLE.get() {
        Some(console) if console.format == LogFormat::Json => console.line(
            &json!({"level": "error", "stage": console.source, "code": kind.code(), "message": message})
                .to_string(),
        ),
        Some(console) => console.write(Level::Error, &message),
        None => drop(writeln!(std::io::stderr(), "error: {message}")),
    }
}

/// The unit of a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Rows or examples.
    Items,
}

/// A progress bar on a terminal; without a terminal, a log line every 30 seconds.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    what: String,
    lines: Option<Lines>,
    /// The units that were done before this process began.
    from: u64,
}

#[derive(Debug)]
struct Lines {
    started: Instant,
    last: Instant,
}

/// The time between two lines of progress without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

impl Progress {
    /// Starts a progress bar over `total` units; 0 means that the total is unknown.
    pub fn new(what: impl Into<String>, total: u64, unit: Unit) -> Progress {
        let what = what.into();
        let on_terminal = std::io::stderr().is_terminal()
            && CONSOLE.get().is_some_and(|console| console.format == LogFormat::Text);
        let bar = match CONSOLE.get() {
            Some(console) if on_terminal => console.bars.add(ProgressBar::new(total)),
            _ => ProgressBar::hidden(),
        };
        bar.set_length(total);
        bar.set_style(style(unit, total));
        bar.set_prefix(what.clone());
        let lines = (!on_terminal).then(|| Lines { started: Instant::now(), last: Instant::now() });
        Progress { bar, what, lines, from: 0 }
    }

    /// The progress of work of which `done` units were done before this process began.
    pub fn from(self, done: u64) -> Progress {
        self.bar.set_position(done);
        self.bar.reset_eta();
        Progress { from: done, ..self }
    }

    /// Adds `amount` to the work that is done.
    pub fn advance(&mut self, amount: u64) {
        self.bar.inc(amount);
        let Some(lines) = &mut self.lines else { return };
        if lines.last.elapsed() >= LINE_INTERVAL {
            lines.last = Instant::now();
            let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
            let pace = pace(self.from, done, total, lines.started.elapsed());
            log::info!("{} {pace} {}", self.what, self.bar.message());
        }
    }

    /// Sets the text after the bar, such as metric values.
    pub fn set_message(&self, message: impl Into<String>) {
        self.bar.set_message(message.into());
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// `2400/142479 (2 %), 60.1/s, 39 min left`; a total of 0 is unknown.
fn pace(from: u64, done: u64, total: u64, elapsed: Duration) -> String {
    let rate = done.saturating_sub(from) as f64 / elapsed.as_secs_f64();
    if total == 0 || done == from {
        return format!("{done}, {rate:.1}/s");
    }
    let share = 100.0 * done as f64 / total as f64;
    let minutes = total.saturating_sub(done) as f64 / rate / 60.0;
    format!("{done}/{total} ({share:.0} %), {rate:.1}/s, {minutes:.0} min left")
}

fn style(unit: Unit, total: u64) -> ProgressStyle {
    let template = match (unit, total) {
        (Unit::Bytes, 0) => "{prefix} {bytes} {bytes_per_sec} {msg}",
        (Unit::Bytes, _) => "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}",
        (Unit::Items, 0) => "{prefix} {human_pos} {per_sec} {msg}",
        (Unit::Items, _) => "{prefix} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} {msg}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The peak resident memory of this process in bytes; none if the system does not report it.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.split_whitespace().next()?.parse::<u64>().ok()?)
}

/// Writes the one line that a stage prints on stdout.
///
/// # Errors
/// When stdout is closed.
pub fn print_result(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_says_how_far_how_fast_and_how_long() {
        let check = |from, done, total, seconds, expect: &str| {
            assert_eq!(pace(from, done, total, Duration::from_secs(seconds)), expect);
        };
        check(0, 2400, 142_800, 40, "2400/142800 (2 %), 60.0/s, 39 min left");
        check(1200, 2400, 142_800, 20, "2400/142800 (2 %), 60.0/s, 39 min left");
        check(0, 300, 0, 60, "300, 5.0/s");
        check(0, 0, 100, 60, "0, 0.0/s");
    }
}
