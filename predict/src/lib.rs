//! The programs `predict` and `serve`: they apply a fine-tuned model to texts, from files and over HTTP.

mod answer;
mod encoder;
mod model;
pub mod predict;
mod predictor;
pub mod serve;
mod tags;

use anyhow::Result;
use shared::layout::{Stage, trained};
use shared::metadata::{TokenizeMetadata, TrainMetadata};
use shared::metric::Metric;
use shared::stage::Results;
use tasks::TaskParams;

use model::{ModelArgs, ModelSource, NamedModel};
use predictor::Predictor;

/// Opens the model that `args` name. `program` is the name of the running program, for messages.
///
/// # Errors
/// A usage fault where the config is wrong or the model has no head for the task; an input fault where the training is not
/// finished, or the model's files are damaged.
fn open_predictor(program: &str, args: &ModelArgs) -> Result<Predictor> {
    let run = match args.named()? {
        NamedModel::Folder { folder, task, aggregation } => {
            return Predictor::open(&ModelSource::of_folder(folder, task, aggregation)?);
        }
        NamedModel::Run(run) => run,
    };
    let results = Results::before(Stage::Evaluate, program, run)?;
    let tokenized: TokenizeMetadata = results.of(Stage::Tokenize)?.metadata()?;
    let trained = results.of(Stage::Train)?;
    let training: TrainMetadata = trained.metadata()?;
    let threshold = training.best_dev.get(Metric::Threshold);
    Predictor::open(&ModelSource {
        folder: trained::model(trained.path()),
        task: results.config.task,
        max_seq_length: tokenized.max_seq_length,
        params: TaskParams { threshold, ..TaskParams::new(&results.config, tokenized.labels) },
        compute: results.config.evaluate,
    })
}
