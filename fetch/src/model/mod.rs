//! The model that training starts from, put in the Hub layout.

mod collect;
mod folder;
mod scratch;
mod snapshot;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use shared::config::{FetchConfig, ModelSource, Weights};
use shared::facts::Source;
use shared::layout::trained;

use self::collect::Files;
use self::folder::FolderFiles;
use crate::download::{Downloads, Found};
use crate::environment::Environment;
use crate::hub::{HubFiles, Repository};

/// What was put in the folder.
#[derive(Debug)]
pub(crate) struct PutModel {
    pub(crate) name: String,
    pub(crate) weights: Weights,
    pub(crate) sources: Vec<Source>,
}

/// A place with the files of one model.
pub(crate) trait ModelFiles {
    fn find(&self, name: &str) -> Result<Found>;
}

/// Where models come from.
pub(crate) struct Sources<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) downloads: &'a Downloads,
    /// The finished training whose model is taken, where the config names one.
    pub(crate) run: Option<&'a Path>,
    /// The examples that a new vocabulary is made from.
    pub(crate) train: &'a Path,
}

/// Puts the model that `config` names into `folder`.
///
/// # Errors
/// An input fault that names the file which the model lacks and where it was looked for.
pub(crate) fn put(config: &FetchConfig, sources: &Sources<'_>, folder: &Path) -> Result<PutModel> {
    let &Sources { environment, downloads, run, .. } = sources;
    fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
    match config.model_source() {
        ModelSource::Scratch => put_new(config, sources, folder),
        ModelSource::Folder(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_else(|| config.model.clone());
            let files = FolderFiles(path);
            copy(&name, config.weights, collect::collect(&name, config.weights, &files)?, folder)
        }
        ModelSource::Run(_) => {
            let run = run.context("the run that `fetch.model` names was not opened")?;
            let files = FolderFiles(trained::model(run));
            let collected = collect::collect(&config.model, config.weights, &files)?;
            copy(&config.model, config.weights, collected, folder)
        }
        ModelSource::Hub { id } => {
            let repository = Repository { id: &id, revision: &config.revision };
            if downloads.may_use_hub_cache()
                && let Some(hub_cache) = &environment.hub_cache
                && let Some(collected) = snapshot::collect(&repository, config, hub_cache)?
            {
                return copy(&id, config.weights, collected, folder);
            }
            let files = HubFiles { repository, environment, downloads };
            copy(&id, config.weights, collect::collect(&id, config.weights, &files)?, folder)
        }
    }
}

/// A new model, under a vocabulary of its own or another model's tokenizer.
fn put_new(config: &FetchConfig, sources: &Sources<'_>, folder: &Path) -> Result<PutModel> {
    let name = "scratch".to_owned();
    let Some(tokenizer) = &config.scratch.tokenizer else {
        scratch::write(&config.scratch, sources.train, folder)?;
        return Ok(PutModel { name, weights: Weights::Random, sources: Vec::new() });
    };
    let other = FetchConfig { model: tokenizer.clone(), weights: Weights::Random, ..config.clone() };
    let put = put(&other, sources, folder)?;
    scratch::reshape(&config.scratch, folder)?;
    Ok(PutModel { name, ..put })
}

fn copy(name: &str, weights: Weights, collected: Files, folder: &Path) -> Result<PutModel> {
    let mut sources = Vec::with_capacity(collected.len());
    for (file_name, file) in collected {
        file.copy_to(&folder.join(&file_name))?;
        log::info!("model: {file_name} ({} bytes) from {}", file.source.bytes, file.shown);
        sources.push(file.source);
    }
    if weights == Weights::Random {
        log::info!("model: the architecture and tokenizer of {name}; its weights will be random");
    }
    Ok(PutModel { name: name.to_owned(), weights, sources })
}
