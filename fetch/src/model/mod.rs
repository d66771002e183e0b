//! Writes the model from which training starts, in the Hub layout.

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
use crate::download::{Downloads, Lookup};
use crate::environment::Environment;
use crate::hub::{HubFiles, Repository};

/// The metadata of a written model.
#[derive(Debug)]
pub(crate) struct WrittenModel {
    pub(crate) name: String,
    pub(crate) weights: Weights,
    /// The files from which it was made.
    pub(crate) sources: Vec<Source>,
}

/// A location with the files of one model.
pub(crate) trait ModelFiles {
    fn find(&self, name: &str) -> Result<Lookup>;
}

/// The inputs from which a model can be made.
pub(crate) struct Inputs<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) downloads: &'a Downloads,
    /// The folder of a finished training, if the config names one as the source of the model.
    pub(crate) run: Option<&'a Path>,
    /// The file of examples on which a new vocabulary is trained.
    pub(crate) train: &'a Path,
    /// The layer that the task puts on top of the encoder.
    pub(crate) layer: OutputLayer,
}

/// Checks the config.json of the model that `config` names, before any other file is searched.
///
/// # Errors
/// An input fault that names a key which is not supported. A usage fault where the task has no head for such a model.
pub(crate) fn check(config: &FetchConfig, inputs: &Inputs<'_>) -> Result<()> {
    let name = name(config);
    let find = |files: &dyn ModelFiles| collect::required(&name, hub::CONFIG, files);
    let (_, file) = match config.model_source() {
        ModelSource::Scratch => return Ok(()),
        ModelSource::Folder(path) => find(&FolderFiles(path))?,
        ModelSource::Run(_) => find(&run_files(inputs)?)?,
        ModelSource::Hub { id } => {
            let repository = Repository { id: &id, revision: &config.revision };
            let snapshot =
                inputs.hub_cache().and_then(|cache| snapshot::config(&repository, cache).transpose());
            match snapshot.transpose()? {
                Some(file) => (hub::CONFIG.to_owned(), file),
                None => find(&inputs.hub_files(repository))?,
            }
        }
    };
    let bert = BertConfig::read_file(&file.path, &file.shown)?;
    bert.under(inputs.layer, &name)?;
    warn_of_unknown(&bert.unknown_keys(), &file.shown);
    Ok(())
}

/// The name of the model in messages and in the manifest. It does not depend on the location of folders on this machine.
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

/// Logs a warning about ignored keys.
fn warn_of_unknown(keys: &[&str], shown: &str) {
    if !keys.is_empty() {
        let keys = listed(keys);
        log::warn!(
            "{shown} has keys that are unknown for such a model and ignored, as in `transformers`: {keys}"
        );
    }
}

fn run_files(inputs: &Inputs<'_>) -> Result<FolderFiles> {
    let run = inputs.run.context("the run that `fetch.model` names was not opened")?;
    Ok(FolderFiles(trained::model(run)))
}

impl Inputs<'_> {
    /// The cache of `huggingface_hub`, if it may be used.
    fn hub_cache(&self) -> Option<&Path> {
        self.environment.hub_cache.as_deref().filter(|_| self.downloads.may_use_hub_cache())
    }

    fn hub_files<'a>(&'a self, repository: Repository<'a>) -> HubFiles<'a> {
        HubFiles { repository, environment: self.environment, downloads: self.downloads }
    }
}

/// Writes the model that `config` names to `folder`.
///
/// # Errors
/// An input fault that names the file which the model lacks, and the place that was searched.
pub(crate) fn write(config: &FetchConfig, inputs: &Inputs<'_>, folder: &Path) -> Result<WrittenModel> {
    fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let name = name(config);
    match config.model_source() {
        ModelSource::Scratch => write_new(config, inputs, folder),
        ModelSource::Folder(path) => {
            let files = FolderFiles(path);
            copy(&name, config.weights, collect::collect(&name, config.weights, &files)?, folder)
        }
        ModelSource::Run(_) => {
            let collected = collect::collect(&name, config.weights, &run_files(inputs)?)?;
            copy(&name, config.weights, collected, folder)
        }
        ModelSource::Hub { id } => {
            let repository = Repository { id: &id, revision: &config.revision };
            if let Some(hub_cache) = inputs.hub_cache()
                && let Some(collected) = snapshot::collect(&repository, config, hub_cache)?
            {
                return copy(&name, config.weights, collected, folder);
            }
            let files = inputs.hub_files(repository);
            copy(&name, config.weights, collect::collect(&name, config.weights, &files)?, folder)
        }
    }
}

/// Writes a new model with its own vocabulary or the tokenizer of another model.
fn write_new(config: &FetchConfig, inputs: &Inputs<'_>, folder: &Path) -> Result<WrittenModel> {
    let name = "scratch".to_owned();
    let Some(tokenizer) = &config.scratch.tokenizer else {
        scratch::write(&config.scratch, inputs.train, folder)?;
        return Ok(WrittenModel { name, weights: Weights::Random, sources: Vec::new() });
    };
    let other = FetchConfig { model: tokenizer.clone(), weights: Weights::Random, ..config.clone() };
    let written = write(&other, inputs, folder)?;
    scratch::replace_architecture(&config.scratch, folder)?;
    Ok(WrittenModel { name, ..written })
}

fn copy(name: &str, weights: Weights, collected: Files, folder: &Path) -> Result<WrittenModel> {
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
    Ok(WrittenModel { name: name.to_owned(), weights, sources })
}
