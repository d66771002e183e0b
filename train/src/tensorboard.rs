//! The training log as TensorBoard's event file. The crates that write such files have had no release for years, and
//! the format is small: TFRecords (<https://www.tensorflow.org/tutorials/load_data/tfrecord>) around
//! `tensorboard/compat/proto/event.proto`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use shared::training_log::LogEntry;

#[derive(Debug)]
pub(crate) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    pub(crate) fn create(path: &Path) -> Result<EventFile> {
        let context = || format!("cannot write {}", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(context)?;
        }
        let mut file = EventFile { path: path.to_owned(), file: File::create(path).with_context(context)? };
        file.record(&text(3, "brain.Event:2"))?;
        Ok(file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write(&mut self, entry: &LogEntry) -> Result<()> {
        let (step, metric_values) = metric_values(entry);
        let summary: Vec<u8> =
            metric_values.iter().flat_map(|(tag, value)| nested(1, &scalar(tag, *value))).collect();
        self.record(&[number(2, step), nested(5, &summary)].concat())
    }

    /// Length, its checksum, the bytes, their checksum.
    fn record(&mut self, bytes: &[u8]) -> Result<()> {
        let length = (bytes.len() as u64).to_le_bytes();
        let parts = [&length[..], &masked_crc(&length), bytes, &masked_crc(bytes)];
        self.file.write_all(&parts.concat()).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn metric_values(entry: &LogEntry) -> (u64, Vec<(String, f64)>) {
    match entry {
        &LogEntry::Train { step, epoch, loss, accuracy, gradient_norm, learning_rate } => {
            let metric_values = [
                ("epoch", Some(epoch)),
                ("train/loss", Some(loss)),
                ("train/accuracy", accuracy),
                ("train/gradient_norm", Some(gradient_norm)),
                ("train/learning_rate", Some(learning_rate)),
            ];
            (
                step,
                metric_values.into_iter().filter_map(|(tag, value)| Some((tag.to_owned(), value?))).collect(),
            )
        }
        LogEntry::Dev { step, metrics, .. } => {
            (*step, metrics.iter().map(|(metric, value)| (format!("dev/{}", metric.key()), value)).collect())
        }
    }
}

/// `Summary.Value` with a tag and a `simple_value`.
fn scalar(tag: &str, value: f64) -> Vec<u8> {
    let mut bytes = text(1, tag);
    bytes.push(key(2, 5));
    bytes.extend((value as f32).to_le_bytes());
    bytes
}

fn text(field: u8, value: &str) -> Vec<u8> {
    nested(field, value.as_bytes())
}

fn nested(field: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![key(field, 2)], varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn number(field: u8, value: u64) -> Vec<u8> {
    [vec![key(field, 0)], varint(value)].concat()
}

/// Protocol Buffers' tag of a field.
fn key(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    let crc = crc32c::crc32c(bytes);
    (crc.rotate_right(15)).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_those_of_protocol_buffers() {
        let check = |value, expect: &[u8]| assert_eq!(varint(value), expect);
        check(1, &[1]);
        check(127, &[127]);
        check(300, &[0xac, 0x02]);
    }

    /// The first record of every event file, as TensorFlow writes it but for the time.
    #[test]
    fn a_record_has_its_length_and_checksums() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        EventFile::create(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes[..8], 15u64.to_le_bytes());
        assert_eq!(bytes[12..27], *b"\x1a\x0dbrain.Event:2");
        // By a second CRC-32C, bit by bit, and the mask of TFRecords.
        assert_eq!(bytes[8..12], [0x6d, 0x53, 0x2b, 0x09]);
        assert_eq!(bytes[27..], [0xfc, 0x98, 0x51, 0x29]);
        // The example of RFC 3720.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    }
}
