//! Detection of truncated zip archives, the container of PyTorch's weight files.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use shared::fault::Fault;

/// The signature of a zip file's first local header.
const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
/// The signature of the record that ends the central directory.
const END_RECORD: &[u8] = b"PK\x05\x06";
/// The maximum length of that record in bytes: 22, and a comment of up to 65,535.
const MAX_END_RECORD: u64 = 22 + u16::MAX as u64;

/// Refuses a zip archive without the record at its end. Files in PyTorch's older formats pass.
///
/// # Errors
/// A [`Fault::input`] where the archive is truncated or cannot be read; the message calls the file `shown`.
pub fn refuse_cut_archive(path: &Path, shown: &str) -> Result<()> {
    let unreadable = || format!("cannot read {shown}");
    let mut file = File::open(path).with_context(unreadable)?;
    let mut begin = Vec::new();
    file.by_ref().take(LOCAL_HEADER.len() as u64).read_to_end(&mut begin).with_context(unreadable)?;
    if begin != LOCAL_HEADER {
        return Ok(());
    }
    let size = file.metadata().with_context(unreadable)?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(MAX_END_RECORD))).with_context(unreadable)?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).with_context(unreadable)?;
    let whole = tail.windows(END_RECORD.len()).any(|window| window == END_RECORD);
    ensure!(
        whole,
        Fault::input(format!("{shown} is truncated: take another copy of it (fetch with --force)"))
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_without_its_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.bin");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            refuse_cut_archive(&path, "w.bin").err()
        };
        let long = [0; 100_000];
        let whole = [LOCAL_HEADER, &long, END_RECORD, &[0; 18]].concat();
        assert!(refused(&whole).is_none());
        let error = refused(&whole[..whole.len() - 30]).unwrap();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert!(error.to_string().contains("w.bin is truncated"), "{error}");
        assert!(refused(&[0x80, 2]).is_none() && refused(b"").is_none());
    }
}
