//! The header of a safetensors file: the name, type and shape of every tensor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use shared::fault::Fault;

use crate::impostor::refuse_impostor;

/// The maximum length of a header in bytes, as the `safetensors` library has it.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// The size in bytes of the header's length, a little-endian integer at the start of the file.
const LENGTH_BYTES: u64 = 8;

/// The header's entry for one tensor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TensorHeader {
    /// The element type as the format names it: `F32`, `BF16`, …
    pub dtype: String,
    /// The dimensions, outermost first.
    pub shape: Vec<usize>,
    /// The first byte and the end of its data, counted from the end of the header.
    data_offsets: [u64; 2],
}

/// Reads the header of the safetensors file at `path` and checks it against the file's size.
/// Returns the tensors by name.
///
/// # Errors
/// A [`Fault::input`] where the file is not safetensors or is truncated; the message calls it `shown`.
pub fn read_header(path: &Path, shown: &str) -> Result<BTreeMap<String, TensorHeader>> {
    refuse_impostor(path, shown)?;
    let unreadable = || format!("cannot read {shown}");
    let mut file = File::open(path).with_context(unreadable)?;
    let size = file.metadata().with_context(unreadable)?.len();
    let damaged =
        |what: &str| Fault::input(format!("{shown} {what}: take another copy of it (fetch with --force)"));
    let mut length = [0; LENGTH_BYTES as usize];
    file.read_exact(&mut length).with_context(|| damaged("is too short for safetensors"))?;
    let length = u64::from_le_bytes(length);
    ensure!(length <= MAX_HEADER_BYTES, damaged("is no safetensors file"));
    ensure!(LENGTH_BYTES + length <= size, damaged("ends within its header"));
    let mut header = vec![0; usize::try_from(length)?];
    file.read_exact(&mut header).with_context(unreadable)?;
    let malformed = || damaged("has a header that is no safetensors header");
    let entries: BTreeMap<String, Value> = serde_json::from_slice(&header).with_context(malformed)?;
    let tensors = entries.into_iter().filter(|(name, _)| name != "__metadata__");
    let tensors = tensors.map(|(name, entry)| Ok((name, serde_json::from_value(entry)?)));
    let tensors: BTreeMap<String, TensorHeader> = tensors.collect::<Result<_>>().with_context(malformed)?;
    let end = tensors.values().map(|tensor| tensor.data_offsets[1]).max().unwrap_or(0);
    let expected = end.saturating_add(LENGTH_BYTES + length);
    ensure!(size == expected, damaged(&format!("has {size} bytes where its header says {expected}")));
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        r#"{"__metadata__":{"format":"pt"},"a.b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#;

    fn read(bytes: &[u8]) -> Result<BTreeMap<String, TensorHeader>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        std::fs::write(&path, bytes).unwrap();
        read_header(&path, "w")
    }

    fn file(header: &str, data: usize) -> Vec<u8> {
        let length = (header.len() as u64).to_le_bytes();
        [&length, header.as_bytes(), &vec![0; data]].concat()
    }

    #[test]
    fn names_types_and_shapes_are_read() {
        let tensors = read(&file(HEADER, 8)).unwrap();
        let tensor = &tensors["a.b"];
        assert_eq!((tensors.len(), tensor.dtype.as_str(), tensor.shape.as_slice()), (1, "F32", &[2, 1][..]));
    }

    #[test]
    fn a_truncated_or_foreign_file_is_refused() {
        let check = |bytes: &[u8], part: &str| {
            let error = read(bytes).unwrap_err();
            assert_eq!(shared::fault::kind_of(&error).code(), 3, "{error:#}");
            assert!(format!("{error:#}").contains(part), "{error:#}");
        };
        check(&file(HEADER, 7), "bytes where its header says");
        check(&file(HEADER, 9), "bytes where its header says");
        check(&file(HEADER, 0)[..40], "ends within its header");
        check(&[1, 2, 3], "too short");
        check(b"PK\x03\x04 a zip archive of another format", "is no safetensors file");
        check(&file("{\"a\": 3}", 0), "no safetensors header");
        check(b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer");
    }
}
