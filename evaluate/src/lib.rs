//! The last stage: a fine-tuned model and features in, metrics and predictions out.

mod report;

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bert::{BertConfig, Compute, Dataset, Head, SequenceClassifier};
use shared::config::Weights;
use shared::console::{Progress, Unit};
use shared::facts::TokenizeFacts;
use shared::fault::Fault;
use shared::layout::{Stage, evaluated, trained};
use shared::metrics::{Confusion, softmax};
use shared::schema::{Features, Prediction, PredictionWriter};
use shared::stage::Job;

use report::Metrics;

/// Rows that the writer of predictions takes at a time.
const WRITE_ROWS: usize = 4096;

/// Classifies every example of `evaluate.split`.
///
/// # Errors
/// An input fault where the model or the features are damaged, or the split has no examples.
pub fn run(job: &Job) -> Result<Metrics> {
    let config = &job.config.evaluate;
    let (tokenized, trained) = (job.input(Stage::Tokenize)?, job.input(Stage::Train)?);
    let facts: TokenizeFacts = tokenized.facts()?;
    let dataset = Dataset::read(tokenized.path(), &facts, config.split)?;

    let compute = Compute::open(config.device, config.precision, config.threads, job.config.seed)?;
    log::info!("evaluating {} {} examples on {}", dataset.len(), config.split, compute.description());
    let folder = trained::model(trained.path());
    let bert = BertConfig::read(&folder)?;
    let model = SequenceClassifier::build(
        &folder,
        bert,
        Weights::Pretrained,
        Head::Required,
        &compute,
        job.config.seed,
    )?
    .frozen();

    let logits = logits(&model, &dataset, config.batch_size)?;
    let mut confusion = Confusion::new(facts.labels.len());
    let predictions = dataset
        .rows()
        .iter()
        .zip(&logits)
        .map(|(row, logits)| prediction(row, logits, &facts.labels, &mut confusion));
    let predictions = predictions.collect::<Result<Vec<_>>>()?;
    write_predictions(&evaluated::predictions(&job.output), &predictions, facts.labels.len())?;

    let unsound =
        || Fault::input(format!("the model in {} gives no numbers; train it again", folder.display()));
    ensure!(confusion.loss().is_finite(), unsound());
    let metrics = Metrics::new(config.split, &confusion, &facts.labels);
    metrics.write(&evaluated::metrics(&job.output))?;
    metrics.table().lines().for_each(|line| log::info!("{line}"));
    Ok(metrics)
}

/// Of every row, in the order of the rows.
fn logits(model: &SequenceClassifier, dataset: &Dataset, batch_size: usize) -> Result<Vec<Vec<f32>>> {
    let mut progress = Progress::new("evaluate", dataset.len() as u64, Unit::Items);
    let between = |rows: usize| {
        progress.advance(rows as u64);
        ControlFlow::Continue(())
    };
    let logits = model.all_logits(dataset, batch_size, between)?;
    progress.finish();
    logits.continue_value().context("the evaluation ended early")
}

fn prediction(
    row: &Features,
    logits: &[f32],
    labels: &[String],
    confusion: &mut Confusion,
) -> Result<Prediction> {
    let label = usize::try_from(row.label)?;
    let predicted = confusion.add(logits, label);
    let name =
        |index: usize| labels.get(index).cloned().with_context(|| format!("label id {index} is unknown"));
    Ok(Prediction {
        example_id: row.example_id.clone(),
        label: name(label)?,
        predicted_label: name(predicted)?,
        probabilities: softmax(logits),
        logits: logits.to_vec(),
    })
}

fn write_predictions(path: &Path, predictions: &[Prediction], labels: usize) -> Result<()> {
    let mut writer = PredictionWriter::create(path, labels)?;
    predictions.chunks(WRITE_ROWS).try_for_each(|rows| writer.write(rows))?;
    writer.finish()
}
