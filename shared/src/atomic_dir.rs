//! Folders of unfinished work on disk: each is complete or absent.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::digest::sha256_file;
use crate::fault::Fault;
use crate::layout::{MANIFEST, PARTIAL, REPLACED};
use crate::manifest::{FORMAT_VERSION, FileEntry, seal_files};

/// The last file of a saved folder.
#[derive(Serialize, Deserialize)]
struct Contents {
    format_version: u32,
    /// The version of the program: another version may compute something else.
    version: String,
    files: BTreeMap<String, FileEntry>,
}

/// Makes `folder` with what `write` puts into the folder that it is given, synced to disk, all or nothing.
///
/// # Errors
/// The errors of `write`, or an I/O error, for example of a full disk.
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
    put_in_place(&partial, folder, &folder.with_extension(REPLACED))
}

/// Renames a folder that is whole and synced. A reader sees the old one, none for an instant, or the new one; the old
/// one waits as `replaced` until then.
pub(crate) fn put_in_place(partial: &Path, folder: &Path, replaced: &Path) -> Result<()> {
    let context = || format!("cannot put {} in its place", folder.display());
    remove(replaced)?;
    if folder.exists() {
        fs::rename(folder, replaced).with_context(context)?;
    }
    fs::rename(partial, folder).with_context(context)?;
    if let Some(parent) = folder.parent() {
        File::open(parent).and_then(|parent| parent.sync_all()).with_context(context)?;
    }
    remove(replaced)
}

/// Clears away what processes that were killed while they saved have left in `parent`.
///
/// # Errors
/// An I/O error that names the folder.
pub fn tidy(parent: &Path) -> Result<()> {
    if !parent.is_dir() {
        return Ok(());
    }
    let context = || format!("cannot read {}", parent.display());
    for entry in fs::read_dir(parent).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let whole = path.with_extension("");
        match path.extension().and_then(OsStr::to_str) {
            Some(REPLACED) if !whole.exists() => fs::rename(&path, &whole).with_context(context)?,
            Some(PARTIAL | REPLACED) => remove(&path)?,
            _ => {}
        }
    }
    Ok(())
}

/// The errors of [`check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The folder is whole and of this version.
    Intact,
    /// In words: which file is missing or changed.
    Damaged(String),
}

/// Checks that `folder` holds what was saved.
///
/// # Errors
/// A [`Fault::input`] where another version of the program saved it; an I/O error where it cannot be read.
pub fn check(folder: &Path) -> Result<Condition> {
    let damaged = |path: &Path| Ok(Condition::Damaged(format!("{} is missing or changed", path.display())));
    let manifest = folder.join(MANIFEST);
    if !manifest.is_file() {
        return damaged(&manifest);
    }
    let bytes = fs::read(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let Ok(contents) = serde_json::from_slice::<Contents>(&bytes) else { return damaged(&manifest) };
    let same = contents.format_version == FORMAT_VERSION && contents.version == env!("CARGO_PKG_VERSION");
    ensure!(same, other_version(folder));
    for (name, entry) in &contents.files {
        let path = folder.join(name);
        if !path.is_file() || sha256_file(&path)? != entry.sha256 {
            return damaged(&path);
        }
    }
    Ok(Condition::Intact)
}

/// For saved work that this program does not understand.
pub fn other_version(folder: &Path) -> Fault {
    let advice = "go on with that version, or delete the folder to begin again";
    Fault::input(format!("{} was saved by another version of bertline; {advice}", folder.display()))
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

    fn check_damaged(folder: &Path, part: &str) {
        let condition = check(folder).unwrap();
        assert!(matches!(&condition, Condition::Damaged(what) if what.contains(part)), "{condition:?}");
    }

    #[test]
    fn a_saved_folder_is_intact_until_it_is_changed() {
        let root = tempfile::tempdir().unwrap();
        let folder = saved(root.path());
        assert_eq!(check(&folder).unwrap(), Condition::Intact);
        fs::write(folder.join("state"), "8").unwrap();
        check_damaged(&folder, "state is missing or changed");
        assert_eq!(check(&saved(root.path())).unwrap(), Condition::Intact);
        fs::remove_file(folder.join("state")).unwrap();
        check_damaged(&folder, "state is missing or changed");
    }

    #[test]
    fn a_partial_folder_is_deleted() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("step-1");
        save(&folder, |_| anyhow::bail!("no more")).unwrap_err();
        assert!(!folder.exists() && folder.with_extension(PARTIAL).exists());
        check_damaged(&folder, MANIFEST);
        tidy(root.path()).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_without_its_replacement_is_restored() {
        let root = tempfile::tempdir().unwrap();
        let folder = saved(root.path());
        fs::rename(&folder, folder.with_extension(REPLACED)).unwrap();
        tidy(root.path()).unwrap();
        assert_eq!(check(&folder).unwrap(), Condition::Intact);
        fs::create_dir(folder.with_extension(REPLACED)).unwrap();
        tidy(root.path()).unwrap();
        assert!(!folder.with_extension(REPLACED).exists());
    }

    #[test]
    fn a_folder_of_another_version_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = saved(root.path());
        let manifest = folder.join(MANIFEST);
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace(env!("CARGO_PKG_VERSION"), "0.0.1")).unwrap();
        let error = check(&folder).unwrap_err();
        assert_eq!(crate::fault::kind_of(&error).code(), 3);
    }
}
