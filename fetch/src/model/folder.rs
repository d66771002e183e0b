//! A model in a folder of this machine.

use std::path::PathBuf;

use anyhow::Result;

use super::ModelFiles;
use crate::download::Found;
use crate::raw::RawFile;

pub(super) struct FolderFiles(pub(super) PathBuf);

impl ModelFiles for FolderFiles {
    fn find(&self, name: &str) -> Result<Found> {
        let path = self.0.join(name);
        if !path.is_file() {
            return Ok(Found::Nowhere(path.display().to_string()));
        }
        // The manifest says nothing that depends on where folders lie on this machine.
        Ok(Found::File(RawFile::local(&path, name.to_owned())?))
    }
}
