//! The download cache: files at `HOST/PATH`, each with a JSON sidecar that records its digest and state.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::address::Address;
use shared::digest::sha256_file;
use shared::fault::{self, Fault, FaultKind};
use shared::metadata::Source;

use super::Remote;
use super::partial::Partial;
use crate::content::Content;
use crate::mirror::host_and_path;
use crate::raw::RawFile;

/// The folder of the cache. It may be unknown as long as nothing is downloaded.
#[derive(Debug)]
pub(super) struct Cache(Option<PathBuf>);

/// The record of a complete download.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sidecar {
    /// The address without credentials and query.
    url: String,
    etag: Option<String>,
    sha256: String,
    pub(super) bytes: u64,
    #[serde(default)]
    state: State,
}

/// The extent to which a download has been checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Every announced byte was received.
    #[default]
    Received,
    /// The content is what the name says. For a corpus that means: it was read to its end.
    Checked,
}

/// The place of one download in the cache.
#[derive(Debug, Clone)]
pub(crate) struct CacheEntry(PathBuf);

impl Cache {
    pub(super) fn new(folder: Option<PathBuf>) -> Cache {
        Cache(folder)
    }

    /// The place for the download from `address`.
    ///
    /// # Errors
    /// A usage fault where there is no folder for downloads.
    pub(super) fn entry(&self, address: &Address) -> Result<CacheEntry> {
        let no_home = || Fault::usage("HOME is not set; set BERTLINE_CACHE to a folder for downloads");
        Ok(CacheEntry(self.0.as_ref().with_context(no_home)?.join(host_and_path(address.url()))))
    }
}

impl CacheEntry {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn with_suffix(&self, extension: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(extension);
        name.into()
    }

    pub(super) fn partial(&self) -> Partial {
        Partial::new(self.with_suffix(".part"), self.with_suffix(".part.json"))
    }

    fn sidecar(&self) -> PathBuf {
        self.with_suffix(".download.json")
    }

    /// The path of an empty file, which records that the host has no such file.
    fn absence(&self) -> PathBuf {
        self.with_suffix(".absent")
    }

    fn read_sidecar(&self) -> Option<Sidecar> {
        serde_json::from_slice(&fs::read(self.sidecar()).ok()?).ok()
    }

    /// The record of the download of `remote`, if its bytes are unchanged and its state is at least `least`.
    pub(super) fn verified(&self, remote: &Remote, least: State) -> Result<Option<Sidecar>> {
        let matches = |sidecar: &Sidecar| sidecar.url == remote.address.to_string();
        let Some(mut sidecar) = self.read_sidecar().filter(matches) else { return Ok(None) };
        if !self.0.is_file() {
            return Ok(None);
        }
        let path = self.0.display();
        if sha256_file(&self.0)? != sidecar.sha256 {
            log::warn!("{path} was changed after its download and is not used");
            return Ok(None);
        }
        match remote.content.check(&self.0, &format!("{path} in the download cache")) {
            // The content of a corpus needs more than this check: its reader must reach the end.
            Ok(()) if remote.content != Content::Rows => sidecar.state = State::Checked,
            Ok(()) => {}
            Err(error) if least == State::Received => return Err(self.explain(error)),
            Err(error) => {
                log::warn!("{error:#}; it is not used");
                return Ok(None);
            }
        }
        if sidecar.state < least {
            log::info!("{path} was never read to its end, and is downloaded again");
            return Ok(None);
        }
        Ok(Some(sidecar))
    }

    pub(super) fn file(&self, remote: &Remote, sidecar: Sidecar) -> RawFile {
        let Sidecar { sha256, bytes, .. } = sidecar;
        let shown = remote.canonical.to_string();
        let source = Source { location: shown.clone(), bytes, sha256 };
        RawFile { path: self.0.clone(), shown, source, cached: Some(self.clone()) }
    }

    /// Records that the bytes with the digest `sha256` were read to their end, so that later runs use the download.
    pub(crate) fn confirm(&self, sha256: &str) -> Result<()> {
        match self.read_sidecar().filter(|sidecar| sidecar.sha256 == sha256 && sidecar.state < State::Checked)
        {
            Some(sidecar) => self.write_sidecar(&Sidecar { state: State::Checked, ..sidecar }),
            None => Ok(()),
        }
    }

    /// Adds the path of the download, and how to repeat it, to an error about its content.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match fault::kind_of(&error) {
            FaultKind::Input => {
                let path = self.0.display();
                error.context(format!("the download {path} cannot be used; --force downloads it again"))
            }
            _ => error,
        }
    }

    fn write_sidecar(&self, sidecar: &Sidecar) -> Result<()> {
        let path = self.sidecar();
        let text = serde_json::to_vec_pretty(sidecar)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Locks the entry, so that one process at a time downloads the file. Dropping the returned handle ends the lock.
    pub(super) fn lock(&self, remote: &Remote) -> Result<File> {
        let path = self.with_suffix(".lock");
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

    /// Moves a complete download to its place and writes the sidecar.
    pub(super) fn store(&self, partial: &Partial, remote: &Remote, etag: Option<String>) -> Result<Sidecar> {
        let sha256 = sha256_file(partial.path())?;
        let bytes = partial.len()?;
        let state = match remote.content {
            Content::Rows => State::Received,
            Content::Text | Content::Json | Content::Safetensors | Content::Pickle => State::Checked,
        };
        let sidecar = Sidecar { url: remote.address.to_string(), etag, sha256, bytes, state };
        let context = || format!("cannot write {}", self.0.display());
        fs::rename(partial.path(), &self.0).with_context(context)?;
        // A crash before this line leaves a file without a sidecar, which is downloaded again.
        self.write_sidecar(&sidecar)?;
        partial.delete_version();
        drop(fs::remove_file(self.absence()));
        Ok(sidecar)
    }

    /// Records that the host has no such file, so that later runs do not ask again.
    pub(super) fn record_absence(&self) -> Result<()> {
        let path = self.absence();
        fs::write(&path, b"").with_context(|| format!("cannot write {}", path.display()))
    }

    /// Returns whether the host had no such file when it was last asked.
    pub(super) fn known_absent(&self) -> bool {
        self.absence().exists()
    }
}
