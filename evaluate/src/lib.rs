//! The last stage: it evaluates a fine-tuned model, and writes metrics, predictions and a report.

mod compare;
#[cfg(test)]
mod fixture;
mod report;
#[cfg(test)]
mod statistics;
mod summary;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use metrics::significance::Bootstrap;
use models::{BertConfig, Compute, Dataset, HeadPolicy, Masking, Model, Padding};
use shared::config::Weights;
use shared::console::{Progress, Unit};
use shared::fault::Fault;
use shared::layout::{Split, Stage, evaluated, fetched, trained};
use shared::manifest::FinishedFolder;
use shared::metadata::{FetchMetadata, TokenizeMetadata, TrainMetadata};
use shared::metric::Metric;
use shared::model_output::Output;
use shared::schema::{Example, ExampleReader, Prediction, PredictionShape, PredictionWriter};
use shared::stage::{Job, Named};
use shared::training_log;
use tasks::{Evaluation, TaskParams, Undefined, constant_target, evaluate};

use compare::RunPredictions;
use report::{Provenance, RESAMPLES, ReportInput};
use summary::Metrics;

/// The number of predictions that are written at a time.
const WRITE_ROWS: usize = 4096;

/// Predicts for every example of `evaluate.split`, scores the predictions, and writes metrics, predictions and report.
///
/// # Errors
/// An input fault where the model or the features are damaged, the split has no examples, or a metric of the task is
/// not defined on them.
pub fn run(job: &Job) -> Result<Metrics> {
    let config = &job.config.evaluate;
    let (fetched, tokenized) = (job.input(Stage::Fetch)?, job.input(Stage::Tokenize)?);
    let trained = job.input(Stage::Train)?;
    let metadata: TokenizeMetadata = tokenized.metadata()?;
    let training: TrainMetadata = trained.metadata()?;
    let masking = Masking::of(&job.config, &metadata)?;
    let padding = Padding::of(&job.config, &metadata);
    let dataset = Dataset::read(tokenized.path(), &metadata, config.split)?.masked(masking).padded(padding);

    let compute = Compute::open_here(config.device, config.precision, config.threads, job.config.seed)?;
    log::info!("evaluating {} {} rows on {}", dataset.len(), config.split, compute.description());
    let folder = trained::model(trained.path());
    let bert = BertConfig::read(&folder)?;
    let seed = job.config.seed;
    let model = Model::build(&folder, bert, Weights::Pretrained, HeadPolicy::Required, &compute, seed)?
        .for_inference();
    let outputs = outputs(&model, &dataset, config.batch_size)
        .with_context(|| format!("the model in {}", folder.display()))?;

    let task = job.config.task;
    let threshold = training.best_dev.get(Metric::Threshold);
    let params = TaskParams { threshold, ..TaskParams::new(&job.config, metadata.labels) };
    if let Some(clause) = constant_target(dataset.rows(), &tasks::spec(task).outputs(&params)) {
        log::warn!(
            "in {} {clause}: its metrics do not tell a good model from a bad one; evaluate another split",
            config.split
        );
    }
    let examples = examples(&fetched::examples(fetched.path(), config.split))?;
    let evaluation = evaluate(task, &params, examples, dataset.rows(), &outputs)?;
    let shape = PredictionShape { truth: task.shape().truth, decoded: task.decoded() };
    write_predictions(&evaluated::predictions(&job.output), shape, &evaluation.predictions)?;

    let metrics = Metrics::new(config.split, &evaluation);
    let unsound = || {
        Fault::input(format!(
            "the model in {} gives metrics that are not finite; train it again",
            folder.display()
        ))
    };
    ensure!(metrics.are_finite(), unsound());
    ensure_defined(&evaluation.scores.undefined, config.split)?;
    metrics.write(&evaluated::metrics(&job.output))?;
    write_report(job, &params, &evaluation, compute.description())?;
    metrics.text().lines().for_each(|line| log::info!("{line}"));
    Ok(metrics)
}

/// Compares the run's evaluation with those of `others`: a table of metrics, differences and their significance.
///
/// # Errors
/// An input fault where another run was not evaluated on the same examples.
pub fn compare(job: &Job, own: &FinishedFolder, others: &[Named]) -> Result<String> {
    let metadata: TokenizeMetadata = job.input(Stage::Tokenize)?.metadata()?;
    let (task, params) = (job.config.task, TaskParams::new(&job.config, metadata.labels));
    let predictions = |name: &str, folder: &FinishedFolder| {
        RunPredictions::read(name, &evaluated::predictions(folder.path()), task, &params)
    };
    let own = predictions(&job.config.name, own)?;
    let others: Vec<RunPredictions> =
        others.iter().map(|other| predictions(&other.name, &other.folder)).collect::<Result<_>>()?;
    let metrics = task.metrics(&params.entity_recognition);
    compare::table(metrics, &own, &others, Bootstrap { resamples: RESAMPLES, seed: job.config.seed })
}

/// The model's output for every row, in the order of the rows.
fn outputs(model: &Model, dataset: &Dataset, batch_size: usize) -> Result<Vec<Output>> {
    let mut progress = Progress::new("evaluate", dataset.len() as u64, Unit::Items);
    let between = |rows: usize| {
        progress.advance(rows as u64);
        ControlFlow::Continue(())
    };
    let outputs = model.all_outputs(dataset, batch_size, between)?;
    progress.finish();
    outputs.continue_value().context("the evaluation ended early")
}

/// The examples of the file at `path`, read batch by batch.
fn examples(path: &Path) -> Result<impl Iterator<Item = Result<Example>> + use<>> {
    let batches = ExampleReader::open(path)?;
    Ok(batches.flat_map(|batch| match batch {
        Ok(examples) => examples.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    }))
}

/// Returns an input fault where a metric of the task has no value, since such a result cannot be compared with others.
fn ensure_defined(undefined: &[Undefined], split: Split) -> Result<()> {
    let reasons = undefined.iter().map(Undefined::to_string).collect::<Vec<_>>().join(", and ");
    let Some(first) = undefined.first() else { return Ok(()) };
    let remedy = first.reason.remedy();
    bail!(Fault::input(format!("{split} cannot be scored: {reasons}; {remedy}")))
}

fn write_predictions(path: &Path, shape: PredictionShape, predictions: &[Prediction]) -> Result<()> {
    let mut writer = PredictionWriter::create(path, shape)?;
    predictions.chunks(WRITE_ROWS).try_for_each(|rows| writer.write(rows))?;
    writer.finish()
}

fn write_report(job: &Job, params: &TaskParams, evaluation: &Evaluation, device: &str) -> Result<()> {
    let split = job.config.evaluate.split;
    let inputs: Vec<_> =
        Stage::Evaluate.inputs().iter().map(|&stage| job.input(stage)).collect::<Result<_>>()?;
    let (fetched, trained) = (job.input(Stage::Fetch)?, job.input(Stage::Train)?);
    let metadata: FetchMetadata = fetched.metadata()?;
    let mut tokenized: TokenizeMetadata = job.input(Stage::Tokenize)?.metadata()?;
    let provenance = Provenance {
        fetched: &metadata,
        tokenized: tokenized.splits.remove(&split),
        training: &trained.metadata()?,
        manifests: inputs.iter().map(|folder| folder.manifest()).collect(),
        section: serde_json::to_value(&job.config.evaluate)?,
        device,
    };
    let input = ReportInput {
        name: &job.config.name,
        task: job.config.task,
        split,
        seed: job.config.seed,
        params,
        predictions: &evaluation.predictions,
        scores: &evaluation.scores,
        training_log: &training_log::read(&trained::metrics(trained.path()))?,
        provenance: &provenance,
    };
    let page = report::html(&input, examples(&fetched::examples(fetched.path(), split))?)?;
    let path = evaluated::report(&job.output);
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use metrics::regression::Uncorrelated;

    use super::*;

    #[test]
    fn a_metric_without_a_value_is_an_input_fault() {
        let check = |reason, end: &str| {
            let error =
                ensure_defined(&[Undefined { metric: Metric::Pearson, reason }], Split::Test).unwrap_err();
            assert_eq!(shared::fault::kind_of(&error).code(), 3);
            assert_eq!(
                format!("{error:#}"),
                format!("test cannot be scored: Pearson's r is not defined, since {end}")
            );
        };
        let remedy = "every predicted score is the same; train longer, or at another learning rate";
        check(Uncorrelated::ConstantPredictions, remedy);
        check(Uncorrelated::ConstantLabels, "every gold score is the same; evaluate another split");
        assert!(ensure_defined(&[], Split::Test).is_ok());
    }
}
