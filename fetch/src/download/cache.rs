//! Downloads of this machine, laid out as `HOST/PATH`, each beside a small JSON file that vouches for it.

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

/// None where the machine names no folder for it, which matters only once something is to be downloaded.
#[derive(Debug)]
pub(super) struct Cache(Option<PathBuf>);

/// What is known of a complete download.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sidecar {
    /// Without credentials and query.
    url: String,
    etag: Option<String>,
    sha256: String,
    pub(super) bytes: u64,
    #[serde(default)]
    state: State,
}

/// What a download is known to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// All bytes that the server announced.
    #[default]
    Received,
    /// What its name says: a corpus, for one, was read to its end.
    Checked,
}

/// The place of one download.
#[derive(Debug, Clone)]
pub(crate) struct Entry(PathBuf);

impl Cache {
    pub(super) fn new(folder: Option<PathBuf>) -> Cache {
        Cache(folder)
    }

    /// # Errors
    /// A usage fault where there is no folder for downloads.
    pub(super) fn entry(&self, address: &Address) -> Result<Entry> {
        let no_home = || Fault::usage("HOME is not set; set BERTLINE_CACHE to a folder for downloads");
        Ok(Entry(self.0.as_ref().with_context(no_home)?.join(host_and_path(address.url()))))
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

    fn known(&self) -> Option<Sidecar> {
        serde_json::from_slice(&fs::read(self.sidecar()).ok()?).ok()
    }

    /// The download of `remote` if it is complete, its bytes are those that came, and more than `least` is not wanted.
    pub(super) fn verified(&self, remote: &Remote, least: State) -> Result<Option<Sidecar>> {
        let of_remote = |sidecar: &Sidecar| sidecar.url == remote.address.to_string();
        let Some(mut sidecar) = self.known().filter(of_remote) else { return Ok(None) };
        if !self.0.is_file() {
            return Ok(None);
        }
        let path = self.0.display();
        if sha256_file(&self.0)? != sidecar.sha256 {
            log::warn!("{path} was changed after its download and is not used");
            return Ok(None);
        }
        match remote.content.check(&self.0, &format!("{path} in the download cache")) {
            // A corpus alone is known by more than that.
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

    /// From now on the download, of which the bytes with the digest `sha256` were read to their end, serves later runs too.
    pub(crate) fn confirm(&self, sha256: &str) -> Result<()> {
        match self.known().filter(|sidecar| sidecar.sha256 == sha256 && sidecar.state < State::Checked) {
            Some(sidecar) => self.vouch(&Sidecar { state: State::Checked, ..sidecar }),
            None => Ok(()),
        }
    }

    /// Says of an error about the bytes where they lie, and how to have them anew.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match fault::kind_of(&error) {
            FaultKind::Input => {
                let path = self.0.display();
                error.context(format!("the download {path} cannot be used; --force downloads it again"))
            }
            _ => error,
        }
    }

    fn vouch(&self, sidecar: &Sidecar) -> Result<()> {
        let path = self.sidecar();
        let text = serde_json::to_vec_pretty(sidecar)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
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
        let state = match remote.content {
            Content::Rows => State::Received,
            Content::Text | Content::Json | Content::Safetensors | Content::Pickle => State::Checked,
        };
        let sidecar = Sidecar { url: remote.address.to_string(), etag, sha256, bytes, state };
        let context = || format!("cannot write {}", self.0.display());
        fs::rename(partial.path(), &self.0).with_context(context)?;
        // A crash before this leaves a file that nothing vouches for, and it is fetched again.
        self.vouch(&sidecar)?;
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
