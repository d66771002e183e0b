//! The output file: it is written beside its path and renamed when it is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use shared::fault::Fault;
use shared::layout::partial_file;

/// Extensions of formats that `predict` does not write.
const OTHER_FORMATS: [&str; 4] = ["csv", "tsv", "gz", "zst"];

/// A file that gets its name when it is complete. The input may therefore have the same name, and an interrupted run
/// leaves no incomplete file of that name.
#[derive(Debug)]
pub(super) struct AtomicFile {
    path: PathBuf,
    /// The path that is written. It is `path` itself where that cannot be replaced, such as `/dev/stdout`.
    written: PathBuf,
}

/// The format of the output file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Lines,
    Parquet,
}

impl AtomicFile {
    /// Checks that `path` can be written. No file is left yet.
    ///
    /// # Errors
    /// A usage fault where `path` cannot be written.
    pub(super) fn new(path: &Path) -> Result<AtomicFile> {
        let refused = |why: &str| Fault::usage(format!("cannot write {}: {why}", path.display()));
        let extension = extension(path);
        ensure!(
            !OTHER_FORMATS.contains(&extension.as_str()),
            refused("predictions are JSON Lines, or Parquet where the name ends in .parquet")
        );
        ensure!(!path.is_dir(), refused("it is a folder; name a file in it"));
        // A symbolic link stays; its target is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        ensure!(folder.is_none_or(Path::is_dir), refused("there is no such folder; make it first"));
        let replaceable = path.is_file() || !path.exists();
        let written = if replaceable { partial_file(&path) } else { path.clone() };
        if replaceable {
            let probed = File::create(&written).and_then(|_| fs::remove_file(&written));
            probed.with_context(|| refused("give another --output"))?;
        }
        Ok(AtomicFile { path, written })
    }

    pub(super) fn format(&self) -> Format {
        if extension(&self.path) == "parquet" { Format::Parquet } else { Format::Lines }
    }

    /// The path at which the file is written.
    pub(super) fn written(&self) -> &Path {
        &self.written
    }

    /// Renames the written file to its path.
    pub(super) fn finish(&self) -> Result<()> {
        if self.written == self.path {
            return Ok(());
        }
        let synced = File::open(&self.written).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| fs::rename(&self.written, &self.path));
        renamed.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|last| last.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(path: &Path, part: &str) {
        let error = AtomicFile::new(path).unwrap_err();
        assert_eq!(shared::fault::kind_of(&error).code(), 2, "{error:#}");
        assert!(format!("{error:#}").contains(part), "{error:#}");
    }

    #[test]
    fn paths_that_cannot_be_written_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        check_refused(folder.path(), "it is a folder");
        check_refused(&folder.path().join("none/a.jsonl"), "there is no such folder");
        check_refused(&folder.path().join("none/a.parquet"), "there is no such folder");
        check_refused(&folder.path().join("a.parquet.gz"), "predictions are JSON Lines");
        check_refused(&folder.path().join(format!("{}.jsonl", "a".repeat(300))), "give another --output");
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.jsonl"), folder.path().join("link.jsonl"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let target = AtomicFile::new(&link).unwrap();
        assert!(!target.written().exists());
        fs::write(target.written(), "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        target.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(link.is_symlink() && !target.written().exists());
    }

    #[test]
    fn devices_are_not_replaced() {
        let target = AtomicFile::new(Path::new("/dev/null")).unwrap();
        assert_eq!((target.written(), target.format()), (Path::new("/dev/null"), Format::Lines));
        target.finish().unwrap();
        assert!(!Path::new("/dev/null").is_file());
    }
}
