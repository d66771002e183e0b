//! The model that training starts from, put in the Hub layout.

mod collect;
mod folder;
mod scratch;
mod snapshot;
#[cfg(test)]
mod tests;
mod vocabulary;
mod weights;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use model_files::BertConfig;
use shared::config::{FetchConfig, ModelSource, Weights};
use shared::layout::{hub, trained};
use shared::metadata::Source;
use shared::names::listed;
use shared::task::OutputLayer;

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
    /// The layer that the task puts on top of the encoder.
    pub(crate) layer: OutputLayer,
}

/// Refuses a model that `config` names and that bertline does not compute, by its config.json, before anything else of it is
/// looked for.
///
/// # Errors
/// An input fault that names the key; a usage fault where the task has no head for such a model.
pub(crate) fn check(config: &FetchConfig, sources: &Sources<'_>) -> Result<()> {
    let name = name(config);
    let find = |files: &dyn ModelFiles| collect::required(&name, hub::CONFIG, files);
    let (_, file) = match config.model_source() {
        ModelSource::Scratch => return Ok(()),
        ModelSource::Folder(path) => find(&FolderFiles(path))?,
        ModelSource::Run(_) => find(&run_files(sources)?)?,
        ModelSource::Hub { id } => {
            let repository = Repository { id: &id, revision: &config.revision };
            let snapshot =
                sources.hub_cache().and_then(|cache| snapshot::config(&repository, cache).transpose());
            match snapshot.transpose()? {
                Some(file) => (hub::CONFIG.to_owned(), file),
                None => find(&sources.hub_files(repository))?,
            }
        }
    };
    let bert = BertConfig::read_file(&file.path, &file.shown)?;
    bert.under(sources.layer, &name)?;
    warn_of_unknown(&bert.unknown_keys(), &file.shown);
    Ok(())
}

/// The name of the model in messages and in the manifest: nothing that depends on where folders lie on this machine.
fn name(config: &FetchConfig) -> String {
    match config.model_source() {
        ModelSource::Scratch => "scratch".to_owned(),
        ModelSource::Run(_) => config.model.clone(),
        ModelSource::Hub { id } => id,
        ModelSource::Folder(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.unwrap_or_else(|| config.model.clone())
        }
    }
}

/// Says which keys are ignored.
fn warn_of_unknown(keys: &[&str], shown: &str) {
    if !keys.is_empty() {
        let keys = listed(keys);
        log::warn!(
            "{shown} has keys that `transformers` does not know for such a model, ignored here as there: {keys}"
        );
    }
}

fn run_files(sources: &Sources<'_>) -> Result<FolderFiles> {
    let run = sources.run.context("the run that `fetch.model` names was not opened")?;
    Ok(FolderFiles(trained::model(run)))
}

impl Sources<'_> {
    /// The cache that `huggingface_hub` keeps, where that will do.
    fn hub_cache(&self) -> Option<&Path> {
        self.environment.hub_cache.as_deref().filter(|_| self.downloads.may_use_hub_cache())
    }

    fn hub_files<'a>(&'a self, repository: Repository<'a>) -> HubFiles<'a> {
        HubFiles { repository, environment: self.environment, downloads: self.downloads }
    }
}

/// Puts the model that `config` names into `folder`.
///
/// # Errors
/// An input fault that names the file which the model lacks and where it was looked for.
pub(crate) fn put(config: &FetchConfig, sources: &Sources<'_>, folder: &Path) -> Result<PutModel> {
    fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let name = name(config);
    match config.model_source() {
        ModelSource::Scratch => put_new(config, sources, folder),
        ModelSource::Folder(path) => {
            let files = FolderFiles(path);
            copy(&name, config.weights, collect::collect(&name, config.weights, &files)?, folder)
        }
        ModelSource::Run(_) => {
            let collected = collect::collect(&name, config.weights, &run_files(sources)?)?;
            copy(&name, config.weights, collected, folder)
        }
        ModelSource::Hub { id } => {
            let repository = Repository { id: &id, revision: &config.revision };
            if let Some(hub_cache) = sources.hub_cache()
                && let Some(collected) = snapshot::collect(&repository, config, hub_cache)?
            {
                return copy(&name, config.weights, collected, folder);
            }
            let files = sources.hub_files(repository);
            copy(&name, config.weights, collect::collect(&name, config.weights, &files)?, folder)
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
    weights::check(&collected)?;
    let mut sources = Vec::with_capacity(collected.len());
    for (file_name, file) in collected {
        let file = file.copied_to(&folder.join(&file_name))?;
        log::info!("model: {file_name} ({} bytes) from {}", file.source.bytes, file.shown);
        sources.push(file.source);
    }
    if weights == Weights::Random {
        log::info!("model: the architecture and tokenizer of {name}; its weights will be random");
    }
    Ok(PutModel { name: name.to_owned(), weights, sources })
}
