//! The corpus' files as their hosts serve them, kept in the stage's folder.

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
use crate::corpus::{Corpus, Origin};
use crate::download::{Downloads, Entry, Remote};

/// A file on this machine and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct RawFile {
    pub(crate) path: PathBuf,
    /// What a message about the file calls it: what the user knows it by.
    pub(crate) shown: String,
    pub(crate) source: Source,
    /// Its place in the download cache, if it is from there.
    pub(crate) cached: Option<Entry>,
}

impl RawFile {
    /// A file that lies on this machine; `location` is what the manifest says of its origin.
    pub(crate) fn local(path: &Path, location: String) -> Result<RawFile> {
        let bytes = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
        let source = Source { location, bytes, sha256: sha256_file(path)? };
        Ok(RawFile { path: path.to_owned(), shown: path.display().to_string(), source, cached: None })
    }

    /// The same, if there is one and it can be what it should: an optional file is absent only where nothing at all has its
    /// name.
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

    /// To read rows from.
    pub(crate) fn input(&self) -> Result<Input> {
        Input::file(&self.path, &self.shown)
    }

    /// Copies the file to `target`, and is that copy from then on, so that what is read is what the manifest tells of.
    pub(crate) fn copied_to(self, target: &Path) -> Result<RawFile> {
        let context = || format!("cannot copy {} to {}", self.path.display(), target.display());
        fs::copy(&self.path, target).with_context(context)?;
        let changed = || format!("{} was changed while it was read; run the same command again", self.shown);
        ensure!(sha256_file(target)? == self.source.sha256, Fault::retry(changed()));
        Ok(RawFile { path: target.to_owned(), ..self })
    }

    /// The file was read to its end, and is what it should be.
    pub(crate) fn confirm(&self) -> Result<()> {
        self.cached.as_ref().map_or(Ok(()), |entry| entry.confirm(&self.source.sha256))
    }

    /// Says of an error about a downloaded file where that lies.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match &self.cached {
            Some(entry) => entry.explain(error),
            None => error,
        }
    }
}

/// The files of every split.
pub(crate) type RawFiles = BTreeMap<Split, Vec<RawFile>>;

/// Downloads or finds the corpus' files of every split, or of `only` that one, and copies them into `folder`.
pub(crate) fn collect(
    corpus: &dyn Corpus,
    only: Option<Split>,
    downloads: &Downloads,
    folder: &Path,
) -> Result<RawFiles> {
    fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let mut files = RawFiles::new();
    let wanted = |split: Split| only.is_none_or(|only| split == only);
    for (split, origin) in corpus.origins().into_iter().filter(|(split, _)| wanted(*split)) {
        let (file, name) = match origin {
            Origin::Url(url) => {
                let name = url.rsplit('/').next().unwrap_or(split.name()).to_owned();
                (downloads.require(&Remote::rows(url)?)?, name)
            }
            Origin::File(path) => (own_file(&path)?, own_name(split, &path)),
        };
        files.entry(split).or_default().push(file.copied_to(&folder.join(name))?);
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

/// Own files of two splits may lie in two folders under one name.
fn own_name(split: Split, path: &Path) -> String {
    let last = path.extension().map(|extension| extension.to_string_lossy().into_owned());
    let format = content_extension(path).filter(|format| last.as_ref() != Some(format));
    let parts = [Some(split.to_string()), format, last];
    parts.into_iter().flatten().collect::<Vec<_>>().join(".")
}
