//! A model in a folder of this machine.

use std::path::PathBuf;

use anyhow::Result;

use super::ModelFiles;
use crate::content::Content;
use crate::download::Found;
use crate::raw::RawFile;

pub(super) struct FolderFiles(pub(super) PathBuf);

impl ModelFiles for FolderFiles {
    fn find(&self, name: &str) -> Result<Found> {
        let path = self.0.join(name);
        // The manifest says nothing that depends on where folders lie on this machine.
        let file = RawFile::find(&path, name.to_owned(), Content::of_model_file(name))?;
        Ok(file.map_or_else(|| Found::Nowhere(path.display().to_string()), Found::File))
    }
}
