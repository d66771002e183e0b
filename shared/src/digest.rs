//! SHA-256 of files, and a cache of digests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::layout::temporary_beside;

/// SHA-256 of `bytes`, in hexadecimal.
pub fn sha256_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of the file at `path`, in hexadecimal.
pub fn sha256_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

/// `value` with the keys of every object sorted. Whether serde_json does so by itself depends on features that any
/// dependency of a binary may turn on, and the stages are different binaries.
pub(crate) fn canonical_json(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<&String, String> =
                object.iter().map(|(key, value)| (key, canonical_json(value))).collect();
            let pairs: Vec<String> =
                sorted.into_iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
            format!("{{{}}}", pairs.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical_json).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The metadata of a file. Every write changes at least the change time, which no program can set back, but which may tick in
/// steps of some milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    inode: u64,
    modified_ns: i128,
    changed_ns: i128,
}

impl Stamp {
    fn of(path: &Path) -> Result<Stamp> {
        let meta = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        let ns = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Ok(Stamp {
            bytes: meta.len(),
            inode: meta.ino(),
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
        })
    }

    /// True where a later write surely changes this stamp: the file is older than a tick of any file system's clock (git treats
    /// files that are as new as its index likewise).
    fn is_settled(&self, now: SystemTime) -> bool {
        let now_ns = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        i128::try_from(now_ns).is_ok_and(|now_ns| now_ns - self.changed_ns > SETTLED_NS)
    }
}

const SETTLED_NS: i128 = 2_000_000_000;

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    stamp: Stamp,
    sha256: String,
}

/// Tells whether a digest may come from the cache or must be computed from the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A file whose size, times and inode are those of its last hashing is taken as unchanged.
    Stamps,
    /// Every file is read again (`--verify`).
    Nothing,
}

/// Digests of files, remembered in one JSON file. Losing it costs time, never correctness.
#[derive(Debug)]
pub(crate) struct DigestCache {
    file: PathBuf,
    trust: Trust,
    entries: BTreeMap<PathBuf, Entry>,
    dirty: bool,
}

impl DigestCache {
    /// Opens the memory at `file`; one that is absent or unreadable is an empty one.
    pub(crate) fn open(file: PathBuf, trust: Trust) -> DigestCache {
        let entries =
            fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        DigestCache { file, trust, entries, dirty: false }
    }

    /// SHA-256 of the file at `path`, in hexadecimal.
    pub(crate) fn sha256(&mut self, path: &Path) -> Result<String> {
        let stamp = Stamp::of(path)?;
        if let Some(entry) = self.entries.get(path)
            && self.trust == Trust::Stamps
            && entry.stamp == stamp
        {
            return Ok(entry.sha256.clone());
        }
        let sha256 = sha256_file(path)?;
        if stamp.is_settled(SystemTime::now()) {
            self.entries.insert(path.to_owned(), Entry { stamp, sha256: sha256.clone() });
            self.dirty = true;
        }
        Ok(sha256)
    }

    /// Writes the memory back, where that is possible: a read-only work folder is no reason to stop.
    pub(crate) fn save(&self) {
        if !self.dirty {
            return;
        }
        let temporary = temporary_beside(&self.file);
        let written = serde_json::to_vec(&self.entries)
            .map_err(anyhow::Error::from)
            .and_then(|bytes| Ok(fs::write(&temporary, bytes)?))
            .and_then(|()| Ok(fs::rename(&temporary, &self.file)?));
        if let Err(error) = written {
            log::debug!("checksums are not remembered in {}: {error:#}", self.file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digest() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_bytes(b""), empty);
    }

    #[test]
    fn canonical_json_sorts_keys_at_every_depth() {
        let value = json!({"b": [1.5, {"z": null, "a": "\""}], "a": {}});
        assert_eq!(canonical_json(&value), r#"{"a":{},"b":[1.5,{"a":"\"","z":null}]}"#);
    }

    #[test]
    fn only_a_file_that_was_left_alone_is_remembered() {
        let stamp = Stamp { bytes: 1, inode: 1, modified_ns: 0, changed_ns: 10 * SETTLED_NS };
        let at = |seconds: u64| UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        assert!(!stamp.is_settled(at(19)) && !stamp.is_settled(at(21)) && stamp.is_settled(at(23)));
    }

    #[test]
    fn an_edited_file_is_hashed_again() {
        let folder = tempfile::tempdir().unwrap();
        let (file, memory) = (folder.path().join("a"), folder.path().join("memory.json"));
        fs::write(&file, b"one").unwrap();
        let mut cache = DigestCache::open(memory.clone(), Trust::Stamps);
        assert_eq!(cache.sha256(&file).unwrap(), sha256_bytes(b"one"));
        cache.save();
        fs::write(&file, b"two").unwrap();
        let mut cache = DigestCache::open(memory, Trust::Stamps);
        assert_eq!(cache.sha256(&file).unwrap(), sha256_bytes(b"two"));
    }
}
