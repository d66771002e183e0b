//! The bytes of a file of text, which gzip or zstd may have compressed: its first bytes tell.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context, Result};
use flate2::bufread::MultiGzDecoder;

use crate::raw::RawFile;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub(super) fn open(file: &RawFile) -> Result<Box<dyn BufRead>> {
    let context = || format!("cannot read {}", file.shown);
    let mut bytes = BufReader::new(File::open(&file.path).with_context(context)?);
    let start = bytes.fill_buf().with_context(context)?;
    Ok(if start.starts_with(&GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(bytes)))
    } else if start.starts_with(&ZSTD) {
        let decoder = zstd::Decoder::with_buffer(bytes).with_context(context)?;
        Box::new(BufReader::new(Zstd(decoder)))
    } else {
        Box::new(bytes)
    })
}

/// The library has errors of no kind for what is wrong with the bytes.
struct Zstd<R>(R);

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Other => io::Error::new(io::ErrorKind::InvalidData, error),
            _ => error,
        })
    }
}
