//! A download that has not ended: the bytes so far, and what tells whether the rest still fits them.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub(super) struct Partial {
    bytes: PathBuf,
    note: PathBuf,
}

/// Names of the version of a file that a server sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// A strong ETag of the host that sends the bytes.
    pub(super) etag: Option<String>,
    /// The ETag that the Hub gives for the file behind its redirect: SHA-256 for large files.
    pub(super) linked_etag: Option<String>,
    /// The size of the whole file.
    #[serde(default)]
    pub(super) bytes: Option<u64>,
}

impl Version {
    /// Whether both name the same bytes beyond doubt.
    pub(super) fn agrees(&self, other: &Version) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        let named = same(&self.linked_etag, &other.linked_etag) || same(&self.etag, &other.etag);
        named
            && !differ(self.linked_etag.as_ref(), other.linked_etag.as_ref())
            && !differ(self.bytes, other.bytes)
    }

    fn is_known(&self) -> bool {
        self.etag.is_some() || self.linked_etag.is_some()
    }
}

/// Whether both are known, and are not one.
fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

/// Where a download can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resume {
    pub(super) from: u64,
    pub(super) version: Version,
}

impl Partial {
    pub(super) fn new(bytes: PathBuf, note: PathBuf) -> Partial {
        Partial { bytes, note }
    }

    pub(super) fn path(&self) -> &Path {
        &self.bytes
    }

    pub(super) fn len(&self) -> Result<u64> {
        let context = || format!("cannot read {}", self.bytes.display());
        Ok(fs::metadata(&self.bytes).with_context(context)?.len())
    }

    /// Without a version nothing tells whether the bytes so far belong to what the server has now.
    pub(super) fn resume(&self) -> Option<Resume> {
        let version: Version = serde_json::from_slice(&fs::read(&self.note).ok()?).ok()?;
        let from = fs::metadata(&self.bytes).ok()?.len();
        (from > 0 && version.is_known()).then_some(Resume { from, version })
    }

    /// Opens the file to write from its start.
    pub(super) fn restart(&self, version: &Version) -> Result<File> {
        let context = || format!("cannot write {}", self.bytes.display());
        // In this order a crash leaves no bytes under the name of another version.
        let file = File::create(&self.bytes).with_context(context)?;
        fs::write(&self.note, serde_json::to_vec(version)?).with_context(context)?;
        Ok(file)
    }

    pub(super) fn append(&self) -> Result<File> {
        let context = || format!("cannot write {}", self.bytes.display());
        OpenOptions::new().append(true).open(&self.bytes).with_context(context)
    }

    /// Deletes the bytes: they are not what they should be.
    pub(super) fn discard(&self) {
        drop(fs::remove_file(&self.bytes));
        self.forget();
    }

    /// Deletes what is known of bytes that lie elsewhere now.
    pub(super) fn forget(&self) {
        drop(fs::remove_file(&self.note));
    }
}
