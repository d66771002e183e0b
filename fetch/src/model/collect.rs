//! The files of a model, required and optional.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use shared::config::Weights;
use shared::fault::{self, Fault, FaultKind};
use shared::layout::hub;
use tokenizer::TokenizerFiles;

use super::ModelFiles;
use crate::download::Lookup;
use crate::raw::RawFile;

/// Files by name in the Hub layout.
pub(super) type Files = Vec<(String, RawFile)>;

/// The names of weight files, in the order in which they are searched.
const WEIGHTS: [WeightsFile; 4] = [
    WeightsFile::Single(hub::WEIGHTS),
    WeightsFile::Index(hub::WEIGHTS_INDEX),
    WeightsFile::Single(hub::PYTORCH_WEIGHTS),
    WeightsFile::Index(hub::PYTORCH_WEIGHTS_INDEX),
];

#[derive(Clone, Copy)]
enum WeightsFile {
    /// A file with all weights.
    Single(&'static str),
    /// A list of the files with the weights.
    Index(&'static str),
}

impl WeightsFile {
    fn name(self) -> &'static str {
        match self {
            WeightsFile::Single(name) | WeightsFile::Index(name) => name,
        }
    }
}

/// Finds every file of the model called `model`.
///
/// # Errors
/// An input fault that names the missing file and the place that was searched.
pub(super) fn collect(model: &str, weights: Weights, files: &dyn ModelFiles) -> Result<Files> {
    let mut collected = config_and_tokenizer(model, files)?;
    check_tokenizer(model, &collected)?;
    collected.extend(weight_files(model, weights, files)?);
    Ok(collected)
}

/// Finds the config and the files of the tokenizer.
fn config_and_tokenizer(model: &str, files: &dyn ModelFiles) -> Result<Files> {
    let mut collected = vec![required(model, hub::CONFIG, files)?];
    let tokenizer = optional(hub::TOKENIZER, files)?;
    let vocabulary = optional(hub::VOCAB, files)?;
    if tokenizer.is_none() && vocabulary.is_none() {
        let (tokenizer, vocabulary) = (hub::TOKENIZER, hub::VOCAB);
        bail!(Fault::input(format!(
            "the model `{model}` has no tokenizer: neither {tokenizer} nor {vocabulary}"
        )));
    }
    collected.extend(tokenizer.into_iter().chain(vocabulary));
    for name in [hub::TOKENIZER_CONFIG, hub::SPECIAL_TOKENS, hub::ADDED_TOKENS] {
        collected.extend(optional(name, files)?);
    }
    Ok(collected)
}

/// Builds the tokenizer, so that an unsupported one is refused before the weights are downloaded.
fn check_tokenizer(model: &str, collected: &Files) -> Result<()> {
    let files = collected.iter().map(|(name, file)| (name.clone(), file.path.clone()));
    tokenizer::check(&TokenizerFiles::new(files)).with_context(|| format!("the tokenizer of `{model}`"))
}

fn weight_files(model: &str, weights: Weights, files: &dyn ModelFiles) -> Result<Files> {
    match weights {
        Weights::Pretrained => pretrained(model, files),
        Weights::Random => Ok(Files::new()),
    }
}

/// Finds every file of the model; none where `files` lacks one. An unsupported tokenizer is refused even then.
pub(super) fn collect_if_complete(
    model: &str,
    weights: Weights,
    files: &dyn ModelFiles,
) -> Result<Option<Files>> {
    let Some(mut collected) = if_present(config_and_tokenizer(model, files))? else { return Ok(None) };
    let Some(weights) = if_present(weight_files(model, weights, files))? else { return Ok(None) };
    check_tokenizer(model, &collected)?;
    collected.extend(weights);
    Ok(Some(collected))
}

fn if_present(found: Result<Files>) -> Result<Option<Files>> {
    match found {
        Ok(files) => Ok(Some(files)),
        Err(error) if fault::kind_of(&error) == FaultKind::Input => Ok(None),
        Err(error) => Err(error),
    }
}

fn optional(name: &str, files: &dyn ModelFiles) -> Result<Option<(String, RawFile)>> {
    match files.find(name)? {
        Lookup::File(file) => Ok(Some((name.to_owned(), file))),
        Lookup::Absent(_) => Ok(None),
    }
}

pub(super) fn required(model: &str, name: &str, files: &dyn ModelFiles) -> Result<(String, RawFile)> {
    match files.find(name)? {
        Lookup::File(file) => Ok((name.to_owned(), file)),
        Lookup::Absent(place) => {
            bail!(Fault::input(format!(
                "the model `{model}` has no {name}: {place} does not exist; check `fetch.model`"
            )))
        }
    }
}

fn pretrained(model: &str, files: &dyn ModelFiles) -> Result<Files> {
    let mut searched = String::new();
    for candidate in WEIGHTS {
        match (files.find(candidate.name())?, candidate) {
            (Lookup::File(file), WeightsFile::Single(name)) => return Ok(vec![(name.to_owned(), file)]),
            (Lookup::File(file), WeightsFile::Index(name)) => {
                let mut collected = vec![(name.to_owned(), file.clone())];
                for shard in shards(&file).map_err(|error| file.explain(error))? {
                    collected.push(required(model, &shard, files)?);
                }
                return Ok(collected);
            }
            (Lookup::Absent(place), _) => {
                searched = place.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            }
        }
    }
    let names = WEIGHTS.map(WeightsFile::name).join(", ");
    bail!(Fault::input(format!(
        "the model `{model}` has no weights: none of {names} is in {searched}; \
         set `fetch.weights = \"random\"` to use only its architecture and tokenizer, or \
         use --force if the weights exist now"
    )))
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The distinct file names in an index.
fn shards(index: &RawFile) -> Result<BTreeSet<String>> {
    let damaged = || Fault::input(format!("{} is no index of weights", index.shown));
    let bytes = fs::read(&index.path).with_context(damaged)?;
    let index_file: Index = serde_json::from_slice(&bytes).with_context(damaged)?;
    let names = index_file.weight_map.values().map(|name| plain_name(name).map(str::to_owned));
    names.collect::<Result<_>>().with_context(damaged)
}

/// Checks that `name` is a plain file name: an index must not name files outside the model's folder.
fn plain_name(name: &str) -> Result<&str> {
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    plain
        .then_some(name)
        .with_context(|| Fault::input(format!("the index names `{name}`, which is no plain file name")))
}
