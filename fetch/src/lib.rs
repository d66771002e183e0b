//! The stage `fetch`: downloads a corpus and a model, and writes examples and the model in the Hub layout.

mod content;
mod corpus;
mod download;
mod environment;
mod examples;
mod hub;
mod mirror;
mod model;
mod raw;
mod split_assignment;

use std::process::ExitCode;

use anyhow::Result;
use shared::config::ModelSource;
use shared::layout::{Split, Stage, fetched};
use shared::metadata::FetchMetadata;
use shared::stage::Job;
use shared::{console, fault};

use crate::download::Downloads;
use crate::environment::Environment;

/// Checks the model's config.json, downloads or copies the raw files, writes the examples of every split, and writes the
/// model beside them.
///
/// # Errors
/// A [`fault::Fault`] that names the file and line, the address, or the config key.
pub fn run(job: &Job) -> Result<FetchMetadata> {
    let config = &job.config.fetch;
    let environment = Environment::read()?;
    let downloads = Downloads::new(config, &environment, job.rebuild)?;

    let run = match config.model_source() {
        ModelSource::Run(_) => Some(job.input(Stage::Train)?.path()),
        ModelSource::Scratch | ModelSource::Folder(_) | ModelSource::Hub { .. } => None,
    };
    let train = fetched::examples(&job.output, Split::Train);
    let task = job.config.task;
    let inputs = model::Inputs {
        environment: &environment,
        downloads: &downloads,
        run,
        train: &train,
        layer: task.output_layer(),
    };
    model::check(config, &inputs)?;

    let scheme = job.config.entity_recognition.scheme;
    let corpus = corpus::of(config, job.config.task, job.config.evaluate.split, scheme)?;
    let files = raw::collect(&corpus, config.only, &downloads, &fetched::raw(&job.output))?;
    let examples = examples::write(&corpus, &files, config, task.shape(), &job.output)?;
    let model = model::write(config, &inputs, &fetched::model(&job.output))?;

    Ok(FetchMetadata {
        corpus: corpus.name.to_owned(),
        licence: corpus.licence.to_owned(),
        labels: examples.labels,
        examples: examples.rows,
        model: model.name,
        weights: model.weights,
        sources: files.into_values().flatten().map(|file| file.source).chain(model.sources).collect(),
    })
}

/// Prints the registered corpora on stdout, one per line.
pub fn list() -> ExitCode {
    match console::print_result(&corpus::table()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let kind = fault::kind_of(&error);
            console::report_failure(kind, &format!("{error:#}"));
            kind.exit_code()
        }
    }
}
