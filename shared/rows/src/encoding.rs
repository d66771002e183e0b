//! Texts in other encodings than UTF-8.

use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Result, anyhow};
use encoding_rs::{Decoder, DecoderResult, EUC_KR, UTF_16BE, UTF_16LE};
use shared::config::Encoding;
use shared::fault::Fault;

use super::input::Origin;

const UTF_16LE_MARK: [u8; 2] = [0xff, 0xfe];
const UTF_16BE_MARK: [u8; 2] = [0xfe, 0xff];
/// Room for what a decoder makes of one byte.
const LEAST_ROOM: usize = 16;

/// The bytes of `reader` as UTF-8.
///
/// # Errors
/// Of the first bytes that mean nothing in `encoding`, when they are read; an input fault where a file in UTF-8 is asked
/// for and it begins with the mark of UTF-16.
pub(super) fn as_utf8(
    mut reader: Box<dyn BufRead + Send>,
    encoding: Encoding,
    origin: Origin,
    shown: &str,
) -> Result<Box<dyn BufRead + Send>> {
    let start = reader.fill_buf().map_err(|error| anyhow!(error).context(format!("cannot read {shown}")))?;
    let (name, decoder) = match encoding {
        Encoding::Utf8 if is_utf16(start) => return Err(other_encoding(shown, "utf-16", origin)),
        Encoding::Utf8 => return Ok(reader),
        Encoding::Cp949 => ("cp949", EUC_KR.new_decoder_without_bom_handling()),
        Encoding::Utf16 if start.starts_with(&UTF_16BE_MARK) => {
            ("utf-16", UTF_16BE.new_decoder_with_bom_removal())
        }
        Encoding::Utf16 => ("utf-16", UTF_16LE.new_decoder_with_bom_removal()),
    };
    let reader = Utf8Reader { reader, name, decoder, text: Vec::new(), taken: 0, ended: false };
    Ok(Box::new(BufReader::new(reader)))
}

/// An error for bytes of a line that are not UTF-8; says so where they are Korean text in cp949.
pub(super) fn not_utf8(shown: &str, line: u64, bytes: &[u8], origin: Origin) -> anyhow::Error {
    let place = format!("{shown}, line {line}");
    let decoded = EUC_KR.decode_without_bom_handling_and_without_replacement(bytes);
    if decoded.is_some_and(|text| text.chars().any(|c| ('가'..='힣').contains(&c))) {
        return other_encoding(&place, "cp949", origin);
    }
    anyhow!(Fault::input(format!("{place}: the bytes are not UTF-8; convert the file to UTF-8")))
}

fn other_encoding(place: &str, encoding: &str, origin: Origin) -> anyhow::Error {
    let remedy = match origin {
        Origin::Given => format!("convert the file with `iconv -f {encoding} -t utf-8`"),
        Origin::OwnFiles => format!("set `fetch.files.encoding` to \"{encoding}\""),
    };
    anyhow!(Fault::input(format!(
        "{place}: the bytes are not UTF-8, and they are text in {encoding}; {remedy}"
    )))
}

/// Whether a file that begins with `start` is text in UTF-16, by its mark and by what follows it.
fn is_utf16(start: &[u8]) -> bool {
    let encoding = match start {
        [a, b, ..] if [*a, *b] == UTF_16LE_MARK => UTF_16LE,
        [a, b, ..] if [*a, *b] == UTF_16BE_MARK => UTF_16BE,
        _ => return false,
    };
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length(start.len()).unwrap_or(0));
    // What is cut at the end is no fault.
    let (result, _) = decoder.decode_to_string_without_replacement(start, &mut text, false);
    result == DecoderResult::InputEmpty && !text.contains('\0')
}

struct Utf8Reader<R> {
    reader: R,
    /// The encoding, as the config has it.
    name: &'static str,
    decoder: Decoder,
    /// Decoded bytes, of which the first `taken` are read.
    text: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<R: BufRead> Utf8Reader<R> {
    /// Decodes what the reader has ready.
    fn decode(&mut self) -> io::Result<()> {
        let bytes = self.reader.fill_buf()?;
        self.ended = bytes.is_empty();
        let room = self.decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        self.text.resize(room.unwrap_or(bytes.len()).max(LEAST_ROOM), 0);
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, self.ended);
        self.reader.consume(read);
        self.text.truncate(written);
        self.taken = 0;
        match result {
            DecoderResult::InputEmpty => Ok(()),
            // What is left is decoded by the next call.
            DecoderResult::OutputFull => {
                self.ended = false;
                Ok(())
            }
            DecoderResult::Malformed(..) => {
                let message = format!("it holds bytes that are no text in {}", self.name);
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
        }
    }
}

impl<R: BufRead> Read for Utf8Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() && !self.ended {
            self.decode()?;
        }
        let count = (&self.text[self.taken..]).read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_alone_makes_no_utf_16() {
        let check = |bytes: &[u8], expect| assert_eq!(is_utf16(bytes), expect, "{bytes:?}");
        check(b"\xff\xfei\0d\0\t\0", true);
        check(b"\xfe\xff\0i\0d\0", true);
        // Half a character at the end of what was read.
        check(b"\xff\xfei\0d", true);
        check(b"\xff\xfe\0\0i\0\0\0", false);
        check(b"\xff\xfe\0\xd8a\0", false);
        check(b"id\ttext\n", false);
        check(b"\xff", false);
    }
}
