//! Folders of unfinished work on disk: each is whole, or not there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::digest::sha256_file;
use crate::fault::Fault;
use crate::layout::{MANIFEST, PARTIAL};
use crate::manifest::{FORMAT_VERSION, FileEntry, seal_files};

/// The last file of a saved folder.
#[derive(Serialize, Deserialize)]
struct Contents {
    format_version: u32,
    /// Of the program: another one may compute something else.
    version: String,
    files: BTreeMap<String, FileEntry>,
}

/// Makes `folder` with what `write` puts into the folder that it is given, synced to disk, all or nothing.
///
/// # Errors
/// What `write` says; an I/O error where the disk is full, say.
pub fn save(folder: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let context = || format!("cannot save {}", folder.display());
    let partial = folder.with_extension(PARTIAL);
    remove(&partial)?;
    fs::create_dir_all(&partial).with_context(context)?;
    write(&partial).with_context(context)?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let contents = Contents { format_version: FORMAT_VERSION, version, files: seal_files(&partial)? };
    let manifest = partial.join(MANIFEST);
    fs::write(&manifest, serde_json::to_vec_pretty(&contents)?).with_context(context)?;
    File::open(&manifest).and_then(|file| file.sync_all()).with_context(context)?;
    File::open(&partial).and_then(|partial| partial.sync_all()).with_context(context)?;
    remove(folder)?;
    fs::rename(&partial, folder).with_context(context)?;
    match folder.parent() {
        Some(parent) => File::open(parent).and_then(|parent| parent.sync_all()).with_context(context),
        None => Ok(()),
    }
}

/// Checks that `folder` holds what was saved, by this version of the program.
///
/// # Errors
/// A [`Fault::input`] that names what is missing or changed.
pub fn check(folder: &Path) -> Result<()> {
    let damaged = || Fault::input(format!("{} is damaged", folder.display()));
    let bytes = fs::read(folder.join(MANIFEST)).with_context(damaged)?;
    let contents: Contents = serde_json::from_slice(&bytes).with_context(damaged)?;
    let same = contents.format_version == FORMAT_VERSION && contents.version == env!("CARGO_PKG_VERSION");
    let other = || Fault::input(format!("{} was saved by another version of bertline", folder.display()));
    ensure!(same, other());
    for (name, entry) in &contents.files {
        let path = folder.join(name);
        let intact = path.is_file() && sha256_file(&path)? == entry.sha256;
        ensure!(intact, Fault::input(format!("{} is missing or changed", path.display())));
    }
    Ok(())
}

/// Deletes a folder if it is there.
///
/// # Errors
/// An I/O error that names it.
pub fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot delete {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(root: &Path) -> std::path::PathBuf {
        let folder = root.join("step-1");
        save(&folder, |folder| Ok(fs::write(folder.join("state"), "7")?)).unwrap();
        folder
    }

    fn check_refused(folder: &Path, part: &str) {
        let error = check(folder).unwrap_err();
        assert_eq!(crate::fault::kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains(part), "{error:#}");
    }

    #[test]
    fn what_was_saved_holds_until_it_is_touched() {
        let root = tempfile::tempdir().unwrap();
        let folder = saved(root.path());
        check(&folder).unwrap();
        fs::write(folder.join("state"), "8").unwrap();
        check_refused(&folder, "state is missing or changed");
        check(&saved(root.path())).unwrap();
        fs::remove_file(folder.join("state")).unwrap();
        check_refused(&folder, "state is missing or changed");
    }

    #[test]
    fn half_a_folder_is_none() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("step-1");
        save(&folder, |_| anyhow::bail!("no more")).unwrap_err();
        assert!(!folder.exists());
        check_refused(&folder, "is damaged");
    }

    #[test]
    fn what_another_version_saved_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = saved(root.path());
        let manifest = folder.join(MANIFEST);
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace(env!("CARGO_PKG_VERSION"), "0.0.1")).unwrap();
        check_refused(&folder, "another version");
    }
}
