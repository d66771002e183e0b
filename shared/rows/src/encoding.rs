//! Conversion of cp949 and UTF-16 to UTF-8.

use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Result, anyhow};
use encoding_rs::{Decoder, DecoderResult, EUC_KR, UTF_16BE, UTF_16LE};
use shared::config::Encoding;
use shared::fault::Fault;

use super::input::ConfigKeys;

const UTF_16LE_MARK: [u8; 2] = [0xff, 0xfe];
const UTF_16BE_MARK: [u8; 2] = [0xfe, 0xff];
/// The minimum size in bytes of the decoder's output buffer; one input byte never needs more.
const MIN_BUFFER: usize = 16;

/// Converts the bytes of `reader` from `encoding` to UTF-8.
///
/// # Errors
/// An input fault where `encoding` is UTF-8 and the bytes begin with the mark of UTF-16. Reading fails at the first bytes
/// that are invalid in `encoding`.
pub(super) fn as_utf8(
    mut reader: Box<dyn BufRead + Send>,
    encoding: Encoding,
    config_keys: ConfigKeys,
    shown: &str,
) -> Result<Box<dyn BufRead + Send>> {
    let start = reader.fill_buf().map_err(|error| anyhow!(error).context(format!("cannot read {shown}")))?;
    let (name, decoder) = match encoding {
        Encoding::Utf8 if is_utf16(start) => return Err(other_encoding(shown, "utf-16", config_keys)),
        Encoding::Utf8 => return Ok(reader),
        Encoding::Cp949 => ("cp949", EUC_KR.new_decoder_without_bom_handling()),
        Encoding::Utf16 if start.starts_with(&UTF_16BE_MARK) => {
            ("utf-16", UTF_16BE.new_decoder_with_bom_removal())
        }
        Encoding::Utf16 => ("utf-16", UTF_16LE.new_decoder_with_bom_removal()),
    };
    let reader = Utf8Reader { reader, name, decoder, text: Vec::new(), consumed: 0, ended: false };
    Ok(Box::new(BufReader::new(reader)))
}

/// The error for a line whose `bytes` are not UTF-8. It names the encoding where they are Korean text in cp949.
pub(super) fn not_utf8(shown: &str, line: u64, bytes: &[u8], config_keys: ConfigKeys) -> anyhow::Error {
    let place = format!("{shown}, line {line}");
    let decoded = EUC_KR.decode_without_bom_handling_and_without_replacement(bytes);
    if decoded.is_some_and(|text| text.chars().any(|c| ('가'..='힣').contains(&c))) {
        return other_encoding(&place, "cp949", config_keys);
    }
    anyhow!(Fault::input(format!("{place}: the bytes are not UTF-8; convert the file to UTF-8")))
}

fn other_encoding(place: &str, encoding: &str, config_keys: ConfigKeys) -> anyhow::Error {
    let remedy = match config_keys {
        ConfigKeys::None => format!("convert the file with `iconv -f {encoding} -t utf-8`"),
        ConfigKeys::FetchFiles => format!("set `fetch.files.encoding` to \"{encoding}\""),
    };
    anyhow!(Fault::input(format!(
        "{place}: the bytes are not UTF-8, and they are text in {encoding}; {remedy}"
    )))
}

/// Returns whether a file that begins with `start` is text in UTF-16: the mark must be there and valid text after it.
fn is_utf16(start: &[u8]) -> bool {
    let encoding = match start {
        [a, b, ..] if [*a, *b] == UTF_16LE_MARK => UTF_16LE,
        [a, b, ..] if [*a, *b] == UTF_16BE_MARK => UTF_16BE,
        _ => return false,
    };
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length(start.len()).unwrap_or(0));
    // `start` may end within a character, which is no error.
    let (result, _) = decoder.decode_to_string_without_replacement(start, &mut text, false);
    result == DecoderResult::InputEmpty && !text.contains('\0')
}

/// A reader that decodes another reader's bytes.
struct Utf8Reader<R> {
    reader: R,
    /// The encoding's name in the config.
    name: &'static str,
    decoder: Decoder,
    /// Decoded bytes, of which the first `consumed` have been read.
    text: Vec<u8>,
    consumed: usize,
    ended: bool,
}

impl<R: BufRead> Utf8Reader<R> {
    /// Decodes the bytes that the reader has buffered.
    fn decode(&mut self) -> io::Result<()> {
        let bytes = self.reader.fill_buf()?;
        self.ended = bytes.is_empty();
        let room = self.decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        self.text.resize(room.unwrap_or(bytes.len()).max(MIN_BUFFER), 0);
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, self.ended);
        self.reader.consume(read);
        self.text.truncate(written);
        self.consumed = 0;
        match result {
            DecoderResult::InputEmpty => Ok(()),
            // The next call decodes the remaining bytes.
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
        while self.consumed == self.text.len() && !self.ended {
            self.decode()?;
        }
        let count = (&self.text[self.consumed..]).read(buffer)?;
        self.consumed += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_needs_valid_text_after_its_mark() {
        let check = |bytes: &[u8], expect| assert_eq!(is_utf16(bytes), expect, "{bytes:?}");
        check(b"\xff\xfei\0d\0\t\0", true);
        check(b"\xfe\xff\0i\0d\0", true);
        // The bytes end within a character.
        check(b"\xff\xfei\0d", true);
        check(b"\xff\xfe\0\0i\0\0\0", false);
        check(b"\xff\xfe\0\xd8a\0", false);
        check(b"id\ttext\n", false);
        check(b"\xff", false);
    }
}
