//! A model in the cache of `huggingface_hub`.

use std::cell::RefCell;
use std::path::Path;

use anyhow::Result;
use shared::config::FetchConfig;
use shared::layout::hub;

use super::ModelFiles;
use super::collect::{self, Files};
use crate::content::Content;
use crate::download::Lookup;
use crate::hub::{Repository, Snapshot};
use crate::raw::RawFile;

/// Finds the files of `repository` in `hub_cache`. None where a required file is missing, or where the cache may lack an
/// optional file and the Hub can be asked.
pub(super) fn collect(
    repository: &Repository,
    config: &FetchConfig,
    hub_cache: &Path,
) -> Result<Option<Files>> {
    let Some(snapshot) = repository.snapshot(hub_cache) else { return Ok(None) };
    let files = SnapshotFiles { snapshot, repository, unrequested: RefCell::default() };
    let Some(collected) = collect::collect_if_complete(repository.id, config.weights, &files)? else {
        return Ok(None);
    };
    let shown = format!("{} in the Hub's cache, {}", repository.id, files.snapshot.folder.display());
    let unrequested = files.unrequested.into_inner().join(", ");
    match (unrequested.is_empty(), config.offline) {
        (true, _) => log::info!("{shown}, is used"),
        (false, true) => log::warn!("{shown}, is used, and may lack files that the model has: {unrequested}"),
        (false, false) => {
            log::info!("{shown}, may lack files that the model has, and is not used: {unrequested}");
            return Ok(None);
        }
    }
    Ok(Some(collected))
}

/// The config.json in the cache, if there is one.
pub(super) fn config(repository: &Repository, hub_cache: &Path) -> Result<Option<RawFile>> {
    let path = repository.snapshot(hub_cache).map(|snapshot| snapshot.folder.join(hub::CONFIG));
    let Some(path) = path.filter(|path| path.is_file()) else { return Ok(None) };
    Ok(Some(RawFile::local(&path, repository.canonical(hub::CONFIG)?.to_string())?))
}

struct SnapshotFiles<'a> {
    snapshot: Snapshot,
    repository: &'a Repository<'a>,
    /// Files that are not in the cache and were never requested from the Hub.
    unrequested: RefCell<Vec<String>>,
}

impl ModelFiles for SnapshotFiles<'_> {
    fn find(&self, name: &str) -> Result<Lookup> {
        let path = self.snapshot.folder.join(name);
        // The manifest names the file's address on the Hub, and not its path in the cache.
        let location = self.repository.canonical(name)?.to_string();
        if let Some(file) = RawFile::find(&path, location, Content::of_model_file(name))? {
            return Ok(Lookup::File(file));
        }
        if !self.snapshot.absences.join(name).exists() {
            self.unrequested.borrow_mut().push(name.to_owned());
        }
        Ok(Lookup::Absent(path.display().to_string()))
    }
}
