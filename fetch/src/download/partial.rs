//! An incomplete download: the bytes so far, and the version of the file that they belong to.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The files of an incomplete download.
#[derive(Debug)]
pub(super) struct Partial {
    /// The bytes so far.
    bytes: PathBuf,
    /// The [`Version`] as JSON.
    version: PathBuf,
}

/// The version of a file, as a server describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// The strong ETag of the host that sends the bytes.
    pub(super) etag: Option<String>,
    /// The ETag in the Hub's redirect: the SHA-256 of a large file.
    pub(super) linked_etag: Option<String>,
    /// The size of the whole file in bytes.
    #[serde(default)]
    pub(super) bytes: Option<u64>,
}

impl Version {
    /// Returns whether both versions certainly have the same bytes.
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

/// Returns whether both values are known and differ.
fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

/// The point where a download can continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resume {
    /// The first missing byte.
    pub(super) from: u64,
    /// The version of the bytes so far.
    pub(super) version: Version,
}

impl Partial {
    pub(super) fn new(bytes: PathBuf, version: PathBuf) -> Partial {
        Partial { bytes, version }
    }

    pub(super) fn path(&self) -> &Path {
        &self.bytes
    }

    pub(super) fn len(&self) -> Result<u64> {
        let context = || format!("cannot read {}", self.bytes.display());
        Ok(fs::metadata(&self.bytes).with_context(context)?.len())
    }

    /// The point where the download can continue. None without a version: the server's file may be another one by now.
    pub(super) fn resume(&self) -> Option<Resume> {
        let version: Version = serde_json::from_slice(&fs::read(&self.version).ok()?).ok()?;
        let from = fs::metadata(&self.bytes).ok()?.len();
        (from > 0 && version.is_known()).then_some(Resume { from, version })
    }

    /// Opens the file for writing from its start.
    pub(super) fn restart(&self, version: &Version) -> Result<File> {
        let context = || format!("cannot write {}", self.bytes.display());
        // The order matters: after a crash, no bytes may be labelled with another version.
        let file = File::create(&self.bytes).with_context(context)?;
        fs::write(&self.version, serde_json::to_vec(version)?).with_context(context)?;
        Ok(file)
    }

    pub(super) fn append(&self) -> Result<File> {
        let context = || format!("cannot write {}", self.bytes.display());
        OpenOptions::new().append(true).open(&self.bytes).with_context(context)
    }

    /// Deletes the bytes and their version.
    pub(super) fn discard(&self) {
        drop(fs::remove_file(&self.bytes));
        self.delete_version();
    }

    /// Deletes the version alone, after the bytes were moved.
    pub(super) fn delete_version(&self) {
        drop(fs::remove_file(&self.version));
    }
}
