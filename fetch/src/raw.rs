//! The raw files of a corpus, copied to the stage's folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rows::Input;
use shared::digest::sha256_file;
use shared::fault::Fault;
use shared::layout::{Split, content_extension};
use shared::metadata::Source;

use crate::content::Content;
use crate::corpus::{Corpus, FileLocation};
use crate::download::{CacheEntry, Downloads, Remote};

/// A file on this machine, with its source.
#[derive(Debug, Clone)]
pub(crate) struct RawFile {
    pub(crate) path: PathBuf,
    /// The name of the file in messages.
    pub(crate) shown: String,
    pub(crate) source: Source,
    /// The place in the download cache, if the file is from there.
    pub(crate) cached: Option<CacheEntry>,
}

impl RawFile {
    /// A file on this machine; `location` is its source in the manifest.
    pub(crate) fn local(path: &Path, location: String) -> Result<RawFile> {
        let bytes = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
        let source = Source { location, bytes, sha256: sha256_file(path)? };
        Ok(RawFile { path: path.to_owned(), shown: path.display().to_string(), source, cached: None })
    }

    /// Finds a file on this machine and checks its content. None where nothing has this name.
    ///
    /// # Errors
    /// An input fault for a folder, a link to a missing file, or wrong content.
    pub(crate) fn find(path: &Path, location: String, content: Content) -> Result<Option<RawFile>> {
        let shown = path.display().to_string();
        let refused = |what: &str| Fault::input(format!("{shown} {what}"));
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => bail!(refused("is a folder, and has to be a file")),
            Ok(_) => {
                content.check(path, &shown)?;
                RawFile::local(path, location).map(Some)
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let dangles = fs::symlink_metadata(path).is_ok();
                ensure!(!dangles, refused("is a link to a file that does not exist"));
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| refused("cannot be read")),
        }
    }

    /// Opens the file for reading rows.
    pub(crate) fn input(&self) -> Result<Input> {
        Input::file(&self.path, &self.shown)
    }

    /// Copies the file to `target` and returns the copy, so that the bytes in the manifest are those that are read.
    ///
    /// # Errors
    /// A retry fault where the file changed in the meantime.
    pub(crate) fn copied_to(self, target: &Path) -> Result<RawFile> {
        let context = || format!("cannot copy {} to {}", self.path.display(), target.display());
        fs::copy(&self.path, target).with_context(context)?;
        let changed = || format!("{} was changed while it was read; run the same command again", self.shown);
        ensure!(sha256_file(target)? == self.source.sha256, Fault::retry(changed()));
        Ok(RawFile { path: target.to_owned(), ..self })
    }

    /// Records in the download cache that the file was read to its end without an error.
    pub(crate) fn confirm(&self) -> Result<()> {
        self.cached.as_ref().map_or(Ok(()), |entry| entry.confirm(&self.source.sha256))
    }

    /// Adds the path in the download cache to an error about the file.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match &self.cached {
            Some(entry) => entry.explain(error),
            None => error,
        }
    }
}

/// The files by split.
pub(crate) type RawFiles = BTreeMap<Split, Vec<RawFile>>;

/// Downloads or finds the corpus' files of every split, or of the split `only`, and copies them to `folder`.
pub(crate) fn collect(
    corpus: &Corpus,
    only: Option<Split>,
    downloads: &Downloads,
    folder: &Path,
) -> Result<RawFiles> {
    fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let mut files = RawFiles::new();
    let wanted = |split: Split| only.is_none_or(|only| split == only);
    for (split, location) in corpus.files.iter().filter(|(split, _)| wanted(*split)) {
        let (file, name) = match location {
            FileLocation::Url(url) => {
                let name = url.rsplit('/').next().unwrap_or(split.name()).to_owned();
                (downloads.require(&Remote::rows(url)?)?, name)
            }
            FileLocation::Path(path) => (own_file(path)?, own_name(*split, path)),
        };
        files.entry(*split).or_default().push(file.copied_to(&folder.join(name))?);
    }
    Ok(files)
}

fn own_file(path: &Path) -> Result<RawFile> {
    let location = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let file = RawFile::local(path, location).with_context(|| {
        Fault::input(format!("the file {} of `fetch.files` cannot be used", path.display()))
    })?;
    Content::Rows.check(path, &file.shown)?;
    Ok(file)
}

/// The name of the copy of an own file. It begins with the split, since files of two splits may have one name in two folders.
fn own_name(split: Split, path: &Path) -> String {
    let last = path.extension().map(|extension| extension.to_string_lossy().into_owned());
    let format = content_extension(path).filter(|format| last.as_ref() != Some(format));
    let parts = [Some(split.to_string()), format, last];
    parts.into_iter().flatten().collect::<Vec<_>>().join(".")
}
