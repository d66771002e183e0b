//! Non-blocking lines on stderr: a full pipe would block the thread that writes to it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// The maximum number of lines that wait to be written. Further lines are dropped and counted.
const ROOM: usize = 1024;

enum Message {
    Line(String),
    /// Requests a reply once all earlier lines are written.
    Flush(Sender<()>),
}

/// A thread that writes lines, so that other threads never block on a full pipe.
pub(crate) struct LineWriter {
    messages: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl LineWriter {
    pub(crate) fn start(sink: impl Write + Send + 'static) -> io::Result<LineWriter> {
        let (messages, received) = sync_channel(ROOM);
        let dropped = Arc::new(AtomicU64::new(0));
        let own = Arc::clone(&dropped);
        thread::Builder::new().name("stderr".into()).spawn(move || write_all(&received, sink, &own))?;
        Ok(LineWriter { messages, dropped })
    }

    pub(crate) fn write(&self, line: String) {
        if self.messages.try_send(Message::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns once everything is written, or `time` is over.
    pub(crate) fn flush(&self, time: Duration) {
        let (written, done) = channel();
        if self.messages.try_send(Message::Flush(written)).is_ok() {
            let _late = done.recv_timeout(time).is_err();
        }
    }
}

fn write_all(messages: &Receiver<Message>, mut sink: impl Write, dropped: &AtomicU64) {
    for message in messages {
        // A closed stderr must not stop anything.
        match message {
            Message::Line(line) => drop(writeln!(sink, "{line}")),
            Message::Flush(written) => drop(written.send(())),
        }
        match dropped.swap(0, Ordering::Relaxed) {
            0 => {}
            count => drop(writeln!(sink, "{count} lines were dropped, since stderr was not read")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Says that a write has begun, and lets each wait for a sign.
    struct Slow {
        begun: Sender<()>,
        go: Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _gone = self.begun.send(()).is_err();
            // Once the sender is gone nothing is waited for any more.
            let _gone = self.go.recv().is_err();
            self.written.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn writing_never_blocks_and_dropped_lines_are_counted() {
        let (begun, begins) = channel();
        let (go, goes) = channel();
        let written = Arc::new(Mutex::new(String::new()));
        let writer = LineWriter::start(Slow { begun, go: goes, written: Arc::clone(&written) }).unwrap();
        writer.write("first".to_owned());
        begins.recv().unwrap();
        (0..ROOM + 2).for_each(|number| writer.write(number.to_string()));
        drop((go, writer));
        // Until the thread has come to its end, and dropped the sink.
        begins.iter().for_each(drop);
        let written = written.lock().unwrap();
        assert!(written.contains("\n2 lines were dropped, since stderr was not read\n"), "{written}");
        assert!(written.contains(&format!("\n{}\n", ROOM - 1)), "{written}");
        assert!(!written.contains(&format!("\n{ROOM}\n")), "{written}");
    }

    #[test]
    fn flushed_lines_are_written() {
        let (begun, _begins) = channel();
        let (_, go) = channel();
        let written = Arc::new(Mutex::new(String::new()));
        let writer = LineWriter::start(Slow { begun, go, written: Arc::clone(&written) }).unwrap();
        writer.write("first".to_owned());
        writer.flush(Duration::MAX);
        assert_eq!(*written.lock().unwrap(), "first\n");
    }
}
