//! The corpus' files as their hosts serve them, kept in the stage's folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use shared::digest::sha256_file;
use shared::facts::Source;
use shared::fault::Fault;
use shared::layout::Split;

use crate::corpus::{Corpus, Origin};
use crate::download::{Downloads, Remote};

/// A file on this machine and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct RawFile {
    pub(crate) path: PathBuf,
    /// What a message about the file calls it: what the user knows it by.
    pub(crate) shown: String,
    pub(crate) source: Source,
}

impl RawFile {
    /// A file that lies on this machine; `location` is what the manifest says of its origin.
    pub(crate) fn local(path: &Path, location: String) -> Result<RawFile> {
        let bytes = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
        let source = Source { location, bytes, sha256: sha256_file(path)? };
        Ok(RawFile { path: path.to_owned(), shown: path.display().to_string(), source })
    }

    pub(crate) fn copy_to(&self, target: &Path) -> Result<()> {
        let context = || format!("cannot copy {} to {}", self.path.display(), target.display());
        fs::copy(&self.path, target).map(drop).with_context(context)
    }
}

/// Downloads or finds the corpus' file of every split and copies it into `folder`.
pub(crate) fn collect(
    corpus: &dyn Corpus,
    downloads: &Downloads,
    folder: &Path,
) -> Result<BTreeMap<Split, RawFile>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let mut files = BTreeMap::new();
    for (split, origin) in corpus.origins() {
        let (file, name) = match origin {
            Origin::Url(url) => {
                let name = url.rsplit('/').next().unwrap_or(split.name()).to_owned();
                (downloads.require(&Remote::plain(url)?)?, name)
            }
            Origin::File(path) => (own_file(&path)?, own_name(split, &path)),
        };
        file.copy_to(&folder.join(name))?;
        files.insert(split, file);
    }
    Ok(files)
}

fn own_file(path: &Path) -> Result<RawFile> {
    let location = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    RawFile::local(path, location)
        .with_context(|| Fault::input(format!("the file {} of `fetch.files` cannot be used", path.display())))
}

/// Own files of two splits may lie in two folders under one name.
fn own_name(split: Split, path: &Path) -> String {
    match path.extension() {
        Some(extension) => format!("{split}.{}", extension.to_string_lossy()),
        None => split.to_string(),
    }
}
