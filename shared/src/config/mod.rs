//! The config: a TOML file with one section per stage, and one per task that has its own keys.

mod load;
mod sections;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::layout::Split;
use crate::metric::Metric;
use crate::task::Task;

use sections::fetch::is_run_name;

pub use load::load;
pub(crate) use load::shown;
pub use sections::entity_recognition::{Aggregation, EntityRecognitionConfig, EntityUnit};
pub use sections::evaluate::EvaluateConfig;
pub use sections::fetch::{
    Column, CorpusName, Encoding, FetchConfig, FileColumns, FileFormat, FilesConfig, LabelColumns,
    LabelNames, Mirror, ModelSource, Quote, ScratchConfig, Weights,
};
pub use sections::masked_lm::{MaskedLmConfig, MaskedUnit};
pub use sections::question_answering::{Answerable, LossPadding, QuestionAnsweringConfig};
pub use sections::tokenize::TokenizeConfig;
pub use sections::train::{
    BatchLimit, BatchOrder, Best, ByFrequency, ClassWeights, DeviceChoice, Freeze, Monitor, Precision,
    Schedule, ScheduleKind, TrainConfig,
};

/// One experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The run's name: its results are linked under `work/runs/<name>`.
    pub name: String,
    /// The seed of all random choices.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Uses only the first 256 rows of every split, from tokenize on, to test a config before a long run.
    #[serde(default)]
    pub test_mode: bool,
    /// The task of the run.
    #[serde(default)]
    pub task: Task,
    /// `[fetch]`: the corpus and the model.
    pub fetch: FetchConfig,
    /// `[tokenize]`: the encoding of texts.
    #[serde(default)]
    pub tokenize: TokenizeConfig,
    /// `[train]`: optimization, evaluation on dev, and checkpoints.
    #[serde(default)]
    pub train: TrainConfig,
    /// `[evaluate]`: the split to evaluate, and how it is computed.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
    /// `[question_answering]`: used only by this task.
    #[serde(default)]
    pub question_answering: QuestionAnsweringConfig,
    /// `[masked_lm]`: used only by this task.
    #[serde(default)]
    pub masked_lm: MaskedLmConfig,
    /// `[entity_recognition]`: used only by this task.
    #[serde(default)]
    pub entity_recognition: EntityRecognitionConfig,
}

fn default_seed() -> u64 {
    7
}

impl Config {
    /// Checks values beyond their types. Every stage calls it before any work, so that a wrong value of a late stage is found
    /// before an early stage has run for hours.
    ///
    /// # Errors
    /// A [`Fault::usage`] that names the key.
    pub fn validate(&self) -> Result<()> {
        let demand = "is used as a folder name: letters, digits, '-', '_' and '.' only";
        require(is_run_name(&self.name), "name", demand)?;
        self.fetch.validate(self.task.shape().truth)?;
        let other = self.fetch.model_source() != ModelSource::Run(self.name.clone());
        require(
            other,
            "fetch.model",
            "names this run itself; a run cannot start from the model that it trains",
        )?;
        self.tokenize.validate()?;
        self.train.validate()?;
        self.evaluate.validate()?;
        let advice = "is \"test\", but there is no test split; give `fetch.test_fraction` or `fetch.files.test`, or set it to \"dev\"";
        require(self.fetch.may_have_test() || self.evaluate.split != Split::Test, "evaluate.split", advice)?;
        self.validate_task()?;
        self.validate_monitor()
    }

    /// Checks the section of the task, and ignores those of other tasks.
    fn validate_task(&self) -> Result<()> {
        match self.task {
            Task::Classification
            | Task::PairClassification
            | Task::Regression
            | Task::PairRegression
            | Task::MultiLabel => Ok(()),
            Task::QuestionAnswering => self.question_answering.validate(self.tokenize.max_seq_length),
            Task::EntityRecognition => self.entity_recognition.validate(self.tokenize.max_seq_length),
            Task::MaskedLm => self.masked_lm.validate(),
        }
    }

    /// Checks that the monitored metric is a metric of the task.
    fn validate_monitor(&self) -> Result<()> {
        let metric = self.train.monitor.metric;
        let metrics = self.task.metrics(&self.entity_recognition);
        let known: Vec<&str> =
            std::iter::once(Metric::Loss.key()).chain(metrics.iter().map(|m| m.key())).collect();
        let demand =
            format!("is `{}`, which is not a metric of this task: {}", metric.key(), known.join(", "));
        require(known.contains(&metric.key()), "train.monitor.metric", &demand)
    }
}

/// A usage fault that names `key`, unless `holds`.
pub fn require(holds: bool, key: &str, demand: &str) -> Result<()> {
    ensure!(holds, Fault::usage(format!("config key `{key}` {demand}")));
    Ok(())
}
