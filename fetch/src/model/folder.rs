//! A model in a folder of this machine.

use std::path::PathBuf;

use anyhow::Result;

use super::ModelFiles;
use crate::download::Found;
use crate::hub::Repository;
use crate::raw::RawFile;

pub(super) struct FolderFiles<'a> {
    pub(super) folder: PathBuf,
    pub(super) location: Location<'a>,
}

/// What the manifest says of a file's origin: nothing that depends on where folders lie on this machine.
pub(super) enum Location<'a> {
    FileName,
    /// The Hub's address, as if the file had come from there today.
    Hub(&'a Repository<'a>),
}

impl ModelFiles for FolderFiles<'_> {
    fn find(&self, name: &str) -> Result<Found> {
        let path = self.folder.join(name);
        if !path.is_file() {
            return Ok(Found::Nowhere(path.display().to_string()));
        }
        let location = match &self.location {
            Location::FileName => name.to_owned(),
            Location::Hub(repository) => repository.canonical(name)?.to_string(),
        };
        Ok(Found::File(RawFile::local(&path, location)?))
    }
}
