//! The manifest: the last file written into a stage's folder, with its origin and every checksum.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::digest::{DigestCache, canonical_json, sha256_bytes, sha256_file};
use crate::fault::Fault;
use crate::layout::{MANIFEST, Stage};

/// The version of all file formats, part of every fingerprint. It changes when a file of any stage changes its meaning.
pub(crate) const FORMAT_VERSION: u32 = 4;

/// The manifest of a stage's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format version of the program that wrote it.
    pub format_version: u32,
    /// The stage.
    pub stage: Stage,
    /// The fingerprint of the result.
    pub fingerprint: String,
    /// The stage's config section.
    pub config: Value,
    /// The content digest of every input folder.
    pub inputs: BTreeMap<Stage, String>,
    /// Metadata for later stages; see [`crate::metadata`].
    #[serde(rename = "facts")]
    pub metadata: Value,
    /// The circumstances of the build.
    pub provenance: Provenance,
    /// By path inside the folder.
    pub files: BTreeMap<String, FileEntry>,
    /// SHA-256 of the manifest's text with this field empty.
    pub digest: String,
}

/// The circumstances of the build; no later stage's digest covers them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of the program.
    pub version: String,
    /// The duration of the last process.
    pub wall_seconds: f64,
    /// The peak memory of the last process.
    pub peak_memory_bytes: Option<u64>,
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// SHA-256 over the folder's metadata and the names and checksums of its files: everything that the result of a later
    /// stage can depend on, and nothing else.
    pub fn content_digest(&self) -> Result<String> {
        Ok(sha256_bytes(canonical_json(&json!([self.files, self.metadata])).as_bytes()))
    }

    /// Writes `folder/manifest.json` and syncs it and the folder to disk.
    pub fn write(mut self, folder: &Path) -> Result<Manifest> {
        self.digest.clear();
        let path = folder.join(MANIFEST);
        let blank = format!("{:#}\n", json!(self));
        self.digest = sha256_bytes(blank.as_bytes());
        let text = blank.replacen(&digest_field(""), &digest_field(&self.digest), 1);
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            File::open(folder)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(self)
    }

    /// Reads `folder/manifest.json`.
    ///
    /// # Errors
    /// A [`Fault::input`] for a manifest that is absent or damaged.
    pub fn read(folder: &Path) -> Result<Manifest> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let damaged = || Fault::input(format!("{} is damaged; {REBUILD}", path.display()));
        let manifest: Manifest = serde_json::from_str(&text).with_context(damaged)?;
        let blank = text.replacen(&digest_field(&manifest.digest), &digest_field(""), 1);
        if manifest.digest != sha256_bytes(blank.as_bytes()) {
            bail!(damaged());
        }
        Ok(manifest)
    }
}

fn digest_field(digest: &str) -> String {
    format!("\"digest\": \"{digest}\"")
}

const REBUILD: &str = "run its stage again with --force to rebuild the folder";

/// A finished folder that matches its manifest.
#[derive(Debug, Clone)]
pub struct FinishedFolder {
    path: PathBuf,
    manifest: Manifest,
}

impl FinishedFolder {
    /// Opens the folder at `path` and checks every file in it against the manifest.
    ///
    /// # Errors
    /// A [`Fault::input`] that names the file that is missing, changed or added.
    pub(crate) fn open(path: PathBuf, digests: &mut DigestCache) -> Result<FinishedFolder> {
        let manifest = Manifest::read(&path)?;
        let named = path.file_name().is_some_and(|name| name.to_string_lossy() == manifest.fingerprint);
        if !named || manifest.format_version != FORMAT_VERSION {
            bail!(Fault::input(format!(
                "{} holds another result than its name says; {REBUILD}",
                path.display()
            )));
        }
        let mut strangers = files_below(&path)?;
        strangers.retain(|name| name != MANIFEST && !manifest.files.contains_key(name));
        if let Some(name) = strangers.first() {
            let file = path.join(name);
            bail!(Fault::input(format!("{} was added after its stage finished; delete it", file.display())));
        }
        for (name, entry) in &manifest.files {
            let file = path.join(name);
            if !file.is_file() {
                bail!(Fault::input(format!("{} is missing; {REBUILD}", file.display())));
            }
            if digests.sha256(&file)? != entry.sha256 {
                let changed = "was changed after its stage finished";
                bail!(Fault::input(format!("{} {changed}; {REBUILD}", file.display())));
            }
        }
        Ok(FinishedFolder { path, manifest })
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest of the folder.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The metadata of the stage, as its type in [`crate::metadata`].
    ///
    /// # Errors
    /// A [`Fault::input`] for a manifest whose metadata has another form.
    pub fn metadata<F: DeserializeOwned>(&self) -> Result<F> {
        serde_json::from_value(self.manifest.metadata.clone()).with_context(|| {
            let path = self.path.join(MANIFEST);
            Fault::input(format!("{} lacks what a later stage needs; {REBUILD}", path.display()))
        })
    }
}

/// Every file below `folder`, hashed and synced to disk, and the folders synced too.
pub(crate) fn seal_files(folder: &Path) -> Result<BTreeMap<String, FileEntry>> {
    let mut sealed = BTreeMap::new();
    for name in files_below(folder)? {
        let path = folder.join(&name);
        let context = || format!("cannot seal {}", path.display());
        let file = File::open(&path).with_context(context)?;
        file.sync_all().with_context(context)?;
        if let Some(parent) = path.parent() {
            File::open(parent).and_then(|parent| parent.sync_all()).with_context(context)?;
        }
        let bytes = file.metadata().with_context(context)?.len();
        sealed.insert(name, FileEntry { bytes, sha256: sha256_file(&path)? });
    }
    Ok(sealed)
}

/// The files below `folder` as paths inside it, sorted.
fn files_below(folder: &Path) -> Result<Vec<String>> {
    let mut folders = vec![folder.to_owned()];
    let mut names = Vec::new();
    while let Some(current) = folders.pop() {
        let context = || format!("cannot read {}", current.display());
        for entry in fs::read_dir(&current).with_context(context)? {
            let path = entry.with_context(context)?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                names.push(path.strip_prefix(folder)?.to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Trust;

    const FINGERPRINT: &str = "0123456789abcdef";

    fn sealed(folder: &Path) -> Manifest {
        fs::create_dir_all(folder.join("examples")).unwrap();
        fs::write(folder.join("examples/train.txt"), "text").unwrap();
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            stage: Stage::Fetch,
            fingerprint: FINGERPRINT.to_owned(),
            config: json!({}),
            inputs: BTreeMap::new(),
            // A number whose shortest text does not parse back to itself without care.
            metadata: json!({"rate": 0.1 + 0.2, "tiny": 4.35e-7 / 3.0}),
            provenance: Provenance {
                version: String::new(),
                wall_seconds: 1.0 / 3.0,
                peak_memory_bytes: None,
            },
            files: seal_files(folder).unwrap(),
            digest: String::new(),
        };
        manifest.write(folder).unwrap()
    }

    fn open(folder: &Path) -> Result<FinishedFolder> {
        let mut digests = DigestCache::open(folder.with_extension("digests"), Trust::Stamps);
        FinishedFolder::open(folder.to_owned(), &mut digests)
    }

    fn check_refused(folder: &Path, name: &str) {
        let error = open(folder).unwrap_err();
        assert_eq!(crate::fault::kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains(name), "{error:#}");
    }

    #[test]
    fn a_sealed_folder_opens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FINGERPRINT);
        let written = sealed(&path);
        assert_eq!(open(&path).unwrap().manifest().digest, written.digest);
    }

    #[test]
    fn any_changed_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FINGERPRINT);
        sealed(&path);
        fs::write(path.join("examples/train.txt"), "texT").unwrap();
        check_refused(&path, "train.txt");
        fs::remove_file(path.join("examples/train.txt")).unwrap();
        check_refused(&path, "train.txt");
        sealed(&path);
        fs::write(path.join("examples/tokenizer.json"), "{}").unwrap();
        check_refused(&path, "tokenizer.json");
        fs::remove_file(path.join("examples/tokenizer.json")).unwrap();
        fs::rename(&path, folder.path().join("another")).unwrap();
        check_refused(&folder.path().join("another"), "another");
        fs::rename(folder.path().join("another"), &path).unwrap();
        let manifest = fs::read_to_string(path.join(MANIFEST)).unwrap();
        fs::write(path.join(MANIFEST), manifest.replace("0.3", "0.4")).unwrap();
        check_refused(&path, MANIFEST);
        fs::write(path.join(MANIFEST), &manifest[..manifest.len() / 2]).unwrap();
        check_refused(&path, MANIFEST);
    }
}
