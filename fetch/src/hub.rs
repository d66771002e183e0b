//! Models of the Hugging Face Hub: at its endpoint, or in the cache that `huggingface_hub` keeps.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use shared::address::Address;
use url::Url;

use crate::content::Content;
use crate::download::{Downloads, Found, Remote};
use crate::environment::Environment;
use crate::model::ModelFiles;

const HUB: &str = "https://huggingface.co";

/// A revision of a model as `huggingface_hub` keeps it: only the files that a program has asked for.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) folder: PathBuf,
    /// Holds an empty file for each that was asked for and does not exist.
    pub(crate) absences: PathBuf,
}

/// A model at a revision.
pub(crate) struct Repository<'a> {
    pub(crate) id: &'a str,
    pub(crate) revision: &'a str,
}

impl Repository<'_> {
    /// The address that the world knows the file by, whatever endpoint it comes from.
    pub(crate) fn canonical(&self, file: &str) -> Result<Url> {
        let mut url = Url::parse(HUB).context("the Hub's address")?;
        let mut path = url.path_segments_mut().map_err(|()| anyhow!("{HUB} takes no path"))?;
        path.pop_if_empty().extend(self.id.split('/')).push("resolve").push(self.revision).push(file);
        drop(path);
        Ok(url)
    }

    /// What `huggingface_hub` keeps of this revision, if it does.
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

/// The files of a model as its host, a mirror or the download cache has them.
pub(crate) struct HubFiles<'a> {
    pub(crate) repository: Repository<'a>,
    pub(crate) environment: &'a Environment,
    pub(crate) downloads: &'a Downloads,
}

impl ModelFiles for HubFiles<'_> {
    fn find(&self, name: &str) -> Result<Found> {
        let canonical = self.repository.canonical(name)?;
        let address = match &self.environment.hub_endpoint {
            Some(endpoint) => endpoint.below(canonical.path()),
            None => Address::parse(canonical.as_str())?,
        };
        let token = self.environment.hub_token.clone();
        self.downloads.find(&Remote { canonical, address, token, content: Content::of_model_file(name) })
    }
}
