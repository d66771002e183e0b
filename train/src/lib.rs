//! The third stage: features and a model in, a fine-tuned model out.

mod batches;
mod best;
mod epochs;
mod journal;
mod schedule;
mod tokenizer_files;

use anyhow::Result;
use bert::{AdamW, AdamWConfig, BertConfig, Compute, Dataset, Head, SequenceClassifier};
use shared::config::TrainConfig;
use shared::facts::{FetchFacts, TokenizeFacts, TrainFacts};
use shared::layout::{Split, Stage, fetched, trained};
use shared::manifest::FinishedFolder;
use shared::stage::Job;

use batches::Batches;
use best::BestModels;
use epochs::Training;
use journal::Journal;
use schedule::LearningRate;

/// Trains on the train split, keeps the model that is best on the dev split.
///
/// # Errors
/// An input fault where weights or features are damaged, or where the loss is no longer a number.
pub fn run(job: &Job) -> Result<TrainFacts> {
    let config = &job.config.train;
    let (fetched, tokenized) = (job.input(Stage::Fetch)?, job.input(Stage::Tokenize)?);
    let facts: TokenizeFacts = tokenized.facts()?;
    let train = Dataset::read(tokenized.path(), &facts, Split::Train)?;
    let dev = Dataset::read(tokenized.path(), &facts, Split::Dev)?;

    let compute = Compute::open(config.device, config.precision, config.threads, job.config.seed)?;
    let compute = compute.autodiff();
    log::info!("training on {} in {:?}", compute.description(), config.precision);
    let mut model = model(fetched, &facts, config, &compute, job.config.seed)?;
    log::info!("{} parameters, {} train and {} dev examples", model.parameters(), train.len(), dev.len());

    let batches = Batches::new(&train, config.batch_size, config.batch_order, job.config.seed);
    let training = Training {
        learning_rate: LearningRate::new(config, batches.per_epoch()),
        batches,
        train: &train,
        dev: &dev,
        config,
    };
    let mut optimizer = AdamW::new(optimizer_config(config));
    let mut journal = Journal::create(&trained::metrics(&job.output))?;
    let best = BestModels::new(&job.output, &fetched::model(fetched.path()), config);
    let best = training.run(&mut model, &mut optimizer, &mut journal, best)?;
    let (best_step, best_dev) = best.install(&trained::model(&job.output))?;
    Ok(TrainFacts { steps: training.steps(), best_step, best_dev, parameters: model.parameters() })
}

fn model(
    fetched: &FinishedFolder,
    facts: &TokenizeFacts,
    config: &TrainConfig,
    compute: &Compute,
    seed: u64,
) -> Result<SequenceClassifier> {
    let folder = fetched::model(fetched.path());
    let weights = fetched.facts::<FetchFacts>()?.weights;
    let bert = BertConfig::read(&folder)?.with_labels(&facts.labels);
    let bert = match config.dropout {
        Some(rate) => bert.with_dropout(rate),
        None => bert,
    };
    // A model that is not trained any further is used as it came.
    let head = if config.epochs == 0 { Head::Required } else { Head::MayBeNew };
    SequenceClassifier::build(&folder, bert, weights, head, compute, seed)
}

fn optimizer_config(config: &TrainConfig) -> AdamWConfig {
    AdamWConfig {
        beta1: config.beta1,
        beta2: config.beta2,
        epsilon: config.epsilon,
        weight_decay: config.weight_decay,
        max_grad_norm: config.max_grad_norm,
    }
}
