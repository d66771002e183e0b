//! Decompression of gzip and zstd, which are detected by the first bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use anyhow::{Context, Result};
use flate2::bufread::MultiGzDecoder;

use super::Input;
use super::encoding::as_utf8;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The bytes of `input`, decompressed and converted to UTF-8.
pub(super) fn open(input: Input) -> Result<Box<dyn BufRead + Send>> {
    let (shown, dialect) = (input.shown.clone(), input.dialect.clone());
    as_utf8(bytes(input)?, dialect.encoding, dialect.config_keys, &shown)
}

fn bytes(input: Input) -> Result<Box<dyn BufRead + Send>> {
    let context = format!("cannot read {}", input.shown);
    let mut bytes = input.bytes();
    // One `read` is not enough: a pipe may return fewer bytes than asked for.
    let mut start = Vec::new();
    bytes.by_ref().take(ZSTD.len() as u64).read_to_end(&mut start).context(context.clone())?;
    let (gzip, zstd) = (start.starts_with(&GZIP), start.starts_with(&ZSTD));
    let bytes = BufReader::new(Cursor::new(start).chain(bytes));
    Ok(if gzip {
        Box::new(BufReader::new(Decoder(MultiGzDecoder::new(bytes))))
    } else if zstd {
        let decoder = zstd::Decoder::with_buffer(bytes).context(context)?;
        Box::new(BufReader::new(Decoder(decoder)))
    } else {
        Box::new(bytes)
    })
}

/// A decompressor whose errors for damaged bytes have the kind `InvalidData`; the libraries use other kinds.
struct Decoder<R>(R);

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Other | io::ErrorKind::InvalidInput => {
                io::Error::new(io::ErrorKind::InvalidData, error)
            }
            _ => error,
        })
    }
}
