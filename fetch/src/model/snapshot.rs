//! A model in the cache that `huggingface_hub` keeps.

use std::cell::RefCell;
use std::path::Path;

use anyhow::Result;
use shared::config::FetchConfig;
use shared::layout::hub;

use super::ModelFiles;
use super::collect::{self, Files};
use crate::content::Content;
use crate::download::Found;
use crate::hub::{Repository, Snapshot};
use crate::raw::RawFile;

/// The files of `repository` below `hub_cache`, or none where they do not make a model, or may lack an optional
/// file that the network has.
pub(super) fn collect(
    repository: &Repository,
    config: &FetchConfig,
    hub_cache: &Path,
) -> Result<Option<Files>> {
    let Some(snapshot) = repository.snapshot(hub_cache) else { return Ok(None) };
    let files = SnapshotFiles { snapshot, repository, unasked: RefCell::default() };
    let Some(collected) = collect::if_whole(repository.id, config.weights, &files)? else {
        return Ok(None);
    };
    let shown = format!("{} in the Hub's cache, {}", repository.id, files.snapshot.folder.display());
    let unasked = files.unasked.into_inner().join(", ");
    match (unasked.is_empty(), config.offline) {
        (true, _) => log::info!("{shown}, is used"),
        (false, true) => log::warn!("{shown}, is used, and may lack files that the model has: {unasked}"),
        (false, false) => {
            log::info!("{shown}, may lack files that the model has, and is not used: {unasked}");
            return Ok(None);
        }
    }
    Ok(Some(collected))
}

/// The config.json that is kept, if it is.
pub(super) fn config(repository: &Repository, hub_cache: &Path) -> Result<Option<RawFile>> {
    let path = repository.snapshot(hub_cache).map(|snapshot| snapshot.folder.join(hub::CONFIG));
    let Some(path) = path.filter(|path| path.is_file()) else { return Ok(None) };
    Ok(Some(RawFile::local(&path, repository.canonical(hub::CONFIG)?.to_string())?))
}

struct SnapshotFiles<'a> {
    snapshot: Snapshot,
    repository: &'a Repository<'a>,
    /// Files that are not here and that nobody has asked the Hub for.
    unasked: RefCell<Vec<String>>,
}

impl ModelFiles for SnapshotFiles<'_> {
    fn find(&self, name: &str) -> Result<Found> {
        let path = self.snapshot.folder.join(name);
        // As if the file had come from the Hub today, wherever the cache lies on this machine.
        let location = self.repository.canonical(name)?.to_string();
        if let Some(file) = RawFile::find(&path, location, Content::of_model_file(name))? {
            return Ok(Found::File(file));
        }
        if !self.snapshot.absences.join(name).exists() {
            self.unasked.borrow_mut().push(name.to_owned());
        }
        Ok(Found::Nowhere(path.display().to_string()))
    }
}
