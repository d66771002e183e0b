//! The third stage: it fine-tunes a model on features.

mod batches;
mod checkpoints;
mod dev;
mod doubts;
mod learner;
mod objective;
mod plan;
mod ranking;
mod running_mean;
mod schedule;
mod state;
mod summary;
mod tensorboard;
mod training;
mod training_log;

use std::path::Path;

use anyhow::{Context, Result};
use models::{Compute, Dataset, Masking, Padding};
use shared::config::TrainConfig;
use shared::layout::{Split, Stage};
use shared::metadata::{TokenizeMetadata, TrainMetadata};
use shared::signals::Saving;
use shared::stage::Job;
use tasks::TaskParams;

use batches::Batches;
use checkpoints::Checkpoints;
use dev::Dev;
use learner::Learner;
use plan::Plan;
use schedule::LearningRate;
use state::State;
use training::Training;
use training_log::TrainingLog;

/// Trains on the train split, from the start or from the last checkpoint, and keeps the model that is best on dev.
///
/// # Errors
/// An input fault where weights or features are damaged, or the loss is not finite;
/// [`shared::fault::Fault::stopped`] after a signal.
pub fn run(job: &Job) -> Result<TrainMetadata> {
    let (config, seed) = (&job.config.train, job.config.seed);
    let (fetched, tokenized) = (job.input(Stage::Fetch)?, job.input(Stage::Tokenize)?);
    let metadata: TokenizeMetadata = tokenized.metadata()?;
    let task = job.config.task;
    let [train, dev] = datasets(job, tokenized.path(), &metadata)?;
    let params = TaskParams::new(&job.config, metadata.labels.clone());
    let doubts_of_targets = doubts::of_targets(train.rows(), dev.rows(), &tasks::spec(task).outputs(&params));
    let dev = Dev::read(task, params.clone(), fetched, dev)?;

    let compute = open(job)?;
    log::info!("training on {} in {:?}", compute.description(), config.precision);
    let mut checkpoints = Checkpoints::new(&job.progress, config);
    let checkpoint = checkpoints.resume()?;
    let (mut learner, mut state) = match &checkpoint {
        Some(checkpoint) => {
            log::info!("going on after step {}", checkpoint.state.step);
            (Learner::resume(checkpoint, fetched, config, &compute, seed)?, checkpoint.state.clone())
        }
        None => {
            (Learner::begin(fetched, task, &params, config, &compute, seed)?, State::new(config, train.len()))
        }
    };
    let parameters = learner.model.parameters();
    log::info!("{parameters} parameters, {} train and {} dev examples", train.len(), dev.rows());

    let mut batches = batches(&train, config, seed);
    let total_steps = config.max_steps.unwrap_or_else(|| batches.steps_of(config.epochs as u64));
    let learning_rate = LearningRate::new(config, total_steps);
    let objective = objective::of(config, &train, task.targets(&metadata.labels), &metadata.labels)?;
    let doubts = doubts::of_settings(config, &learning_rate, &mut batches);
    doubts.into_iter().chain(doubts_of_targets).for_each(|doubt| log::warn!("{doubt}"));
    let earlier = checkpoint.as_ref().map(|checkpoint| checkpoint.folder.as_path());
    let mut training = Training {
        learning_rate,
        batches,
        train: &train,
        dev,
        config,
        objective,
        checkpoints,
        training_log: TrainingLog::open(&job.progress, earlier, config.tensorboard)?,
        saving: Saving::begin(),
    };
    training.run(&mut learner, &mut state)?;
    training.checkpoints.install(&state, &job.output)?;
    training.training_log.install(&job.output)?;
    let best = state.ranking.best().context("no model was evaluated")?;
    Ok(TrainMetadata { steps: state.step, best_step: best.step, best_dev: best.dev.clone(), parameters })
}

/// The batches of all epochs; logs the share of padding.
fn batches(train: &Dataset, config: &TrainConfig, seed: u64) -> Batches {
    let plan = Plan::new(train, config.batch_limit(), config.batch_order, seed);
    log::info!("{:.1} % of the first epoch's tokens are padding", 100.0 * plan.padding());
    Batches::new(plan)
}

/// The features of train and dev, masked for a masked language model.
fn datasets(job: &Job, tokenized: &Path, metadata: &TokenizeMetadata) -> Result<[Dataset; 2]> {
    let masking = Masking::of(&job.config, metadata)?;
    let padding = Padding::of(&job.config, metadata);
    let read = |split| -> Result<Dataset> {
        Ok(Dataset::read(tokenized, metadata, split)?.masked(masking.clone()).padded(padding))
    };
    Ok([read(Split::Train)?, read(Split::Dev)?])
}

/// The text of `train --summary`.
///
/// # Errors
/// As [`run`] before its first step.
pub fn summary(job: &Job) -> Result<String> {
    let (config, task) = (&job.config.train, job.config.task);
    let metadata: TokenizeMetadata = job.input(Stage::Tokenize)?.metadata()?;
    let params = TaskParams::new(&job.config, metadata.labels);
    let fetched = job.input(Stage::Fetch)?;
    let learner = Learner::begin(fetched, task, &params, config, &open(job)?, job.config.seed)?;
    Ok(summary::text(&learner.model, config, metadata.max_seq_length))
}

/// The device that `[train]` names, for training.
fn open(job: &Job) -> Result<Compute> {
    let config = &job.config.train;
    Ok(Compute::open_here(config.device, config.precision, config.threads, job.config.seed)?.autodiff())
}
