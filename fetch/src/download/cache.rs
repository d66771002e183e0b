//! Downloads of this machine, laid out as `HOST/PATH`, each beside a small JSON file that vouches for it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::digest::sha256_file;
use shared::facts::Source;
use shared::fault::Fault;
use url::Url;

use super::Remote;
use super::partial::Partial;
use crate::mirror::host_and_path;
use crate::raw::RawFile;

/// None where the machine names no folder for it, which matters only once something is to be downloaded.
#[derive(Debug)]
pub(super) struct Cache(Option<PathBuf>);

/// What is known of a complete download.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sidecar {
    url: String,
    etag: Option<String>,
    sha256: String,
    pub(super) bytes: u64,
}

/// The place of one download.
#[derive(Debug)]
pub(super) struct Entry(PathBuf);

impl Cache {
    pub(super) fn new(folder: Option<PathBuf>) -> Cache {
        Cache(folder)
    }

    /// # Errors
    /// A usage fault where there is no folder for downloads.
    pub(super) fn entry(&self, address: &Url) -> Result<Entry> {
        let no_home = || Fault::usage("HOME is not set; set BERTLINE_CACHE to a folder for downloads");
        Ok(Entry(self.0.as_ref().with_context(no_home)?.join(host_and_path(address))))
    }
}

impl Entry {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(extension);
        name.into()
    }

    pub(super) fn partial(&self) -> Partial {
        Partial::new(self.beside(".part"), self.beside(".part.json"))
    }

    fn sidecar(&self) -> PathBuf {
        self.beside(".download.json")
    }

    fn absence(&self) -> PathBuf {
        self.beside(".absent")
    }

    /// The download if it is complete and its bytes are those that came.
    pub(super) fn verified(&self) -> Result<Option<Sidecar>> {
        let known = fs::read(self.sidecar()).ok();
        let Some(sidecar) = known.and_then(|bytes| serde_json::from_slice::<Sidecar>(&bytes).ok()) else {
            return Ok(None);
        };
        if !self.0.is_file() {
            return Ok(None);
        }
        if sha256_file(&self.0)? != sidecar.sha256 {
            log::warn!("{} was changed after its download and is not used", self.0.display());
            return Ok(None);
        }
        Ok(Some(sidecar))
    }

    pub(super) fn file(&self, remote: &Remote, sidecar: Sidecar) -> RawFile {
        let Sidecar { sha256, bytes, .. } = sidecar;
        let source = Source { location: remote.canonical.to_string(), bytes, sha256 };
        RawFile { path: self.0.clone(), shown: remote.canonical.to_string(), source }
    }

    /// One process at a time downloads a file; the lock ends with the returned handle.
    pub(super) fn lock(&self, remote: &Remote) -> Result<File> {
        let path = self.beside(".lock");
        let take = || -> std::io::Result<File> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let file = File::create(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    log::info!("another process downloads {}; waiting for it", remote.address);
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            Ok(file)
        };
        let demand = "set BERTLINE_CACHE to a folder for downloads that can be written";
        take().with_context(|| format!("cannot write {}; {demand}", path.display()))
    }

    /// Puts a complete download in its place.
    pub(super) fn keep(&self, partial: &Partial, remote: &Remote, etag: Option<String>) -> Result<Sidecar> {
        let sha256 = sha256_file(partial.path())?;
        let bytes = partial.len()?;
        let sidecar = Sidecar { url: remote.address.to_string(), etag, sha256, bytes };
        let place = || -> std::io::Result<()> {
            fs::rename(partial.path(), &self.0)?;
            // A crash before this leaves a file that nothing vouches for, and it is fetched again.
            fs::write(self.sidecar(), serde_json::to_vec_pretty(&sidecar)?)
        };
        place().with_context(|| format!("cannot write {}", self.0.display()))?;
        partial.forget();
        drop(fs::remove_file(self.absence()));
        Ok(sidecar)
    }

    /// So that a later run need not ask again.
    pub(super) fn remember_absence(&self) -> Result<()> {
        let path = self.absence();
        fs::write(&path, b"").with_context(|| format!("cannot write {}", path.display()))
    }

    pub(super) fn known_absent(&self) -> bool {
        self.absence().exists()
    }
}
