//! The files that define a model's tokenizer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use shared::fault::Fault;
use shared::layout::hub;

/// The paths of a model's tokenizer files, by their names in the Hub layout.
#[derive(Debug, Clone, Default)]
pub struct TokenizerFiles(BTreeMap<String, PathBuf>);

impl TokenizerFiles {
    /// The names of all files, except the model's `config.json`, that affect a tokenizer.
    pub const NAMES: [&str; 5] =
        [hub::TOKENIZER, hub::VOCAB, hub::TOKENIZER_CONFIG, hub::SPECIAL_TOKENS, hub::ADDED_TOKENS];

    /// Collects files by name. Files other than `config.json` and those in [`TokenizerFiles::NAMES`] are ignored.
    pub fn new(files: impl IntoIterator<Item = (String, PathBuf)>) -> TokenizerFiles {
        TokenizerFiles(files.into_iter().filter(|(name, _)| is_known(name)).collect())
    }

    /// Finds the files in a model's folder.
    pub fn in_folder(folder: &Path) -> TokenizerFiles {
        let names = TokenizerFiles::NAMES.into_iter().chain([hub::CONFIG]);
        let present = names.map(|name| (name.to_owned(), folder.join(name)));
        TokenizerFiles(present.filter(|(_, path)| path.is_file()).collect())
    }

    pub(crate) fn path(&self, name: &str) -> Option<&Path> {
        self.0.get(name).map(PathBuf::as_path)
    }

    /// Reads the file `name` as JSON of type `T`; none where it is absent.
    ///
    /// # Errors
    /// A [`Fault::input`] where the file is unreadable or not JSON of this type.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.path(name).map(|path| read_json(name, path)).transpose()
    }
}

fn is_known(name: &str) -> bool {
    name == hub::CONFIG || TokenizerFiles::NAMES.contains(&name)
}

fn read_json<T: DeserializeOwned>(name: &str, path: &Path) -> Result<T> {
    let bytes = fs::read(path)
        .with_context(|| Fault::input(format!("cannot read {}; fetch a complete model", path.display())))?;
    serde_json::from_slice(&bytes)
        .with_context(|| Fault::input(format!("{name} at {} is not what a model has there", path.display())))
}
