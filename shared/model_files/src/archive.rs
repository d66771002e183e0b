//! The zip archive that PyTorch writes weights as: whether its end is there.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use shared::fault::Fault;

/// The mark at the beginning of an archive.
const BEGIN: &[u8] = b"PK\x03\x04";
/// The mark of the directory at its end.
const END: &[u8] = b"PK\x05\x06";
/// The longest that the directory's last record can be, with a comment.
const LAST_RECORD: u64 = 22 + u16::MAX as u64;

/// Refuses a zip archive that is cut; files of PyTorch's older formats pass.
///
/// # Errors
/// A [`Fault::input`] that names the file as `shown`.
pub fn refuse_cut_archive(path: &Path, shown: &str) -> Result<()> {
    let unreadable = || format!("cannot read {shown}");
    let mut file = File::open(path).with_context(unreadable)?;
    let mut begin = Vec::new();
    file.by_ref().take(BEGIN.len() as u64).read_to_end(&mut begin).with_context(unreadable)?;
    if begin != BEGIN {
        return Ok(());
    }
    let size = file.metadata().with_context(unreadable)?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(LAST_RECORD))).with_context(unreadable)?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).with_context(unreadable)?;
    let whole = tail.windows(END.len()).any(|window| window == END);
    ensure!(whole, Fault::input(format!("{shown} is cut: take another copy of it (fetch with --force)")));
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
        let whole = [BEGIN, &long, END, &[0; 18]].concat();
        assert!(refused(&whole).is_none());
        let error = refused(&whole[..whole.len() - 30]).unwrap();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
        assert!(error.to_string().contains("w.bin is cut"), "{error}");
        assert!(refused(&[0x80, 2]).is_none() && refused(b"").is_none());
    }
}
