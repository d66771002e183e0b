//! Models of the Hugging Face Hub, at its endpoint or in the cache of `huggingface_hub`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use shared::address::Address;
use url::Url;

use crate::content::Content;
use crate::download::{Downloads, Lookup, Remote};
use crate::environment::Environment;
use crate::model::ModelFiles;

const HUB: &str = "https://huggingface.co";

/// A revision of a model in the cache of `huggingface_hub`, with the files that some program has requested.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) folder: PathBuf,
    /// The folder with an empty file for every file that was requested and does not exist.
    pub(crate) absences: PathBuf,
}

/// A model at a revision.
pub(crate) struct Repository<'a> {
    pub(crate) id: &'a str,
    pub(crate) revision: &'a str,
}

impl Repository<'_> {
    /// The public address of the file. It does not depend on the endpoint.
    pub(crate) fn canonical(&self, file: &str) -> Result<Url> {
        let mut url = Url::parse(HUB).context("the Hub's address")?;
        let mut path = url.path_segments_mut().map_err(|()| anyhow!("{HUB} takes no path"))?;
        path.pop_if_empty().extend(self.id.split('/')).push("resolve").push(self.revision).push(file);
        drop(path);
        Ok(url)
    }

    /// The snapshot of this revision in the cache of `huggingface_hub`, if there is one.
    pub(crate) fn snapshot(&self, hub_cache: &Path) -> Option<Snapshot> {
        let model = hub_cache.join(format!("models--{}", self.id.replace('/', "--")));
        let commit = fs::read_to_string(model.join("refs").join(self.revision));
        let commit = commit.unwrap_or_else(|_| self.revision.to_owned());
        let commit = commit.trim();
        let plain = !commit.is_empty() && !commit.contains(['/', '.']);
        let folder = model.join("snapshots").join(commit);
        let absences = model.join(".no_exist").join(commit);
        (plain && folder.is_dir()).then_some(Snapshot { folder, absences })
    }
}

/// The files of a model on its host, in a mirror or in the download cache.
pub(crate) struct HubFiles<'a> {
    pub(crate) repository: Repository<'a>,
    pub(crate) environment: &'a Environment,
    pub(crate) downloads: &'a Downloads,
}

impl ModelFiles for HubFiles<'_> {
    fn find(&self, name: &str) -> Result<Lookup> {
        let canonical = self.repository.canonical(name)?;
        let address = match &self.environment.hub_endpoint {
            Some(endpoint) => endpoint.below(canonical.path()),
            None => Address::parse(canonical.as_str())?,
        };
        let token = self.environment.hub_token.clone();
        self.downloads.find(&Remote { canonical, address, token, content: Content::of_model_file(name) })
    }
}
