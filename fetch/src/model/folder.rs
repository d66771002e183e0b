//! A model in a local folder.

use std::path::PathBuf;

use anyhow::Result;

use super::ModelFiles;
use crate::content::Content;
use crate::download::Lookup;
use crate::raw::RawFile;

pub(super) struct FolderFiles(pub(super) PathBuf);

impl ModelFiles for FolderFiles {
    fn find(&self, name: &str) -> Result<Lookup> {
        let path = self.0.join(name);
        // The manifest must not depend on the location of folders on this machine.
        let file = RawFile::find(&path, name.to_owned(), Content::of_model_file(name))?;
        Ok(file.map_or_else(|| Lookup::Absent(path.display().to_string()), Lookup::File))
    }
}
