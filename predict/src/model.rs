//! The choice of a model: the one of a run, or any folder in the Hub layout.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use models::BertConfig;
use shared::config::{Aggregation, EvaluateConfig, QuestionAnsweringConfig};
use shared::fault::Fault;
use shared::stage::RunArgs;
use shared::task::{OutputLayer, Task};
use tasks::TaskParams;

use crate::tags;

/// The longest sequence without a run's config, in tokens. BERT models are trained on at most 512.
const MAX_TOKENS: usize = 512;
/// The length of the shortest window with a question, a context and three special tokens.
const MIN_POSITIONS: usize = 8;

/// The options that name a model.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false, args = ["config", "model"])]
// `RunArgs` requires `--config`; here `--model` can stand in its place.
#[command(mut_arg("config", |config| config.required(false)))]
#[command(mut_arg("set", |set| set.conflicts_with("model")), mut_arg("work", |work| work.conflicts_with("model")))]
pub(crate) struct ModelArgs {
    #[command(flatten)]
    run: Option<RunArgs>,
    /// A folder in the Hub layout with a fine-tuned model, in place of a run.
    #[arg(long, value_name = "DIR", requires = "task")]
    model: Option<PathBuf>,
    /// The task that the model was trained for: classification, pair_classification, regression, pair_regression, multi_label,
    /// entity_recognition, question_answering or masked_lm.
    #[arg(long, requires = "model", value_parser = task_named, hide_possible_values = true)]
    task: Option<Task>,
    /// The aggregation of the model's tags to entities, as in `transformers`: simple, first, average or max. For a run,
    /// set `entity_recognition.aggregation`.
    #[arg(long, requires = "model", value_parser = aggregation_named, hide_possible_values = true)]
    aggregation: Option<Aggregation>,
}

/// The model that the options name.
pub(crate) enum NamedModel<'a> {
    Run(&'a RunArgs),
    Folder { folder: &'a Path, task: Task, aggregation: Option<Aggregation> },
}

impl ModelArgs {
    /// Returns the model that the options name.
    ///
    /// # Errors
    /// An error where they name no model; the parser refuses such options earlier.
    pub(crate) fn named(&self) -> Result<NamedModel<'_>> {
        if let (Some(folder), Some(task)) = (&self.model, self.task) {
            return Ok(NamedModel::Folder { folder, task, aggregation: self.aggregation });
        }
        Ok(NamedModel::Run(self.run.as_ref().context("the options name neither a run nor a model")?))
    }
}

fn task_named(name: &str) -> Result<Task> {
    let names = || Task::ALL.map(|task| task.name()).join(", ");
    let unknown = || Fault::usage(format!("there is no task `{name}`; the tasks are {}", names()));
    Ok(Task::ALL.into_iter().find(|task| task.name() == name).ok_or_else(unknown)?)
}

fn aggregation_named(name: &str) -> Result<Aggregation> {
    let unknown =
        || Fault::usage(format!("there is no aggregation `{name}`, only simple, first, average and max"));
    serde_json::from_value(name.into()).map_err(|_| unknown().into())
}

/// A model's folder, with all settings that predictions need.
pub(crate) struct ModelSource {
    pub(crate) folder: PathBuf,
    pub(crate) task: Task,
    pub(crate) max_seq_length: usize,
    pub(crate) params: TaskParams,
    /// The device and the batch size.
    pub(crate) compute: EvaluateConfig,
}

impl ModelSource {
    /// Reads a folder that belongs to no run: labels come from its config.json, and all other settings are defaults.
    ///
    /// # Errors
    /// A usage fault where the model's head does not fit `task`, or its tags follow no known scheme.
    pub(crate) fn of_folder(
        folder: &Path,
        task: Task,
        aggregation: Option<Aggregation>,
    ) -> Result<ModelSource> {
        let bert = BertConfig::read(folder)?;
        let layer = task.output_layer();
        let entities = || Fault::usage("--aggregation applies only to entity_recognition");
        ensure!(aggregation.is_none() || layer == OutputLayer::Tokens, entities());
        let names = || bert.id2label.values().cloned().collect::<Vec<String>>();
        let params = match layer {
            OutputLayer::Sequence => TaskParams { labels: names(), ..TaskParams::default() },
            OutputLayer::Tokens => TaskParams { tags: names(), ..TaskParams::default() },
            OutputLayer::Span | OutputLayer::Vocabulary => TaskParams::default(),
        };
        let (targets, outputs) = (task.targets(&params.labels), tasks::spec(task).outputs(&params).len());
        if let Some(reason) = bert.denies(layer, targets, outputs) {
            let (place, name) = (folder.display(), task.name());
            let advice = match bert.class() {
                Some(_) => "`--task` has to name the task that it was trained for",
                None => {
                    "write the class of the model into its `architectures`, and the labels into its `id2label`"
                }
            };
            bail!(Fault::usage(format!("the model in {place} has no head for {name}: {reason}; {advice}")));
        }
        let max_seq_length = bert.max_position_embeddings.min(MAX_TOKENS);
        let mut params = match task {
            Task::EntityRecognition => tags::params(folder, &bert, aggregation)?,
            Task::QuestionAnswering => {
                TaskParams { question_answering: question_answering(folder, max_seq_length)?, ..params }
            }
            _ => params,
        };
        // Windows of a long text must advance, even with few positions.
        let stride = &mut params.entity_recognition.stride;
        *stride = (*stride).min(max_seq_length / 4);
        Ok(ModelSource {
            folder: folder.to_owned(),
            task,
            max_seq_length,
            params,
            compute: EvaluateConfig::default(),
        })
    }
}

/// The window settings for a model without a run. Logs one line where they differ from the defaults.
///
/// # Errors
/// An input fault where the model has too few positions for a question and a context.
fn question_answering(folder: &Path, max_seq_length: usize) -> Result<QuestionAnsweringConfig> {
    let place = folder.display();
    ensure!(
        max_seq_length >= MIN_POSITIONS,
        Fault::input(format!(
            "the model in {place} has {max_seq_length} positions (max_position_embeddings), and a question with its \
             context needs at least {MIN_POSITIONS}; take another model"
        ))
    );
    let keys = QuestionAnsweringConfig::for_length(max_seq_length);
    if keys != QuestionAnsweringConfig::default() {
        log::info!(
            "the model has {max_seq_length} positions: a question has at most {} tokens, and windows share {}",
            keys.max_query_length,
            keys.doc_stride
        );
    }
    Ok(keys)
}
