//! `[fetch]`: the corpus and the model.

mod files;
mod mirror;
mod model;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;
use crate::layout::Split;
use crate::schema::TruthKind;

pub use files::{Column, Encoding, FileColumns, FileFormat, FilesConfig, LabelColumns, LabelNames, Quote};
pub use mirror::Mirror;
pub use model::{ModelSource, ScratchConfig, Weights};

/// The keys of `[fetch]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchConfig {
    /// The name of a registered corpus (see `fetch --list`). Absent: the own files of `fetch.files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus: Option<CorpusName>,
    /// Own files in place of a registered corpus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesConfig>,
    /// The one split of the corpus to read, for a machine that has only its file. Train, dev and test are then parts of that
    /// file, as `dev_fraction` and `test_fraction` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Split>,
    /// The model to start from: a Hub id (`beomi/kcbert-base`), a local folder in the Hub layout, `run:NAME` for the model
    /// that the run NAME has trained in the same work folder, or `scratch`.
    pub model: String,
    /// The Hub revision of the model: a branch, a tag or a commit.
    #[serde(default = "main_revision")]
    pub revision: String,
    /// `pretrained` uses the weights of the model. `random` uses only its architecture and tokenizer, and draws new weights.
    #[serde(default)]
    pub weights: Weights,
    /// The architecture and vocabulary for `model = "scratch"`.
    #[serde(default)]
    pub scratch: ScratchConfig,
    /// A folder or an address that holds `HOST/PATH` for every `https://HOST/PATH`. Credentials in it
    /// (`https://USER:PASSWORD@HOST`) are sent only to that host, and are never written to a file or a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Mirror>,
    /// Never opens a network connection: reads only the cache, a mirror folder and local files.
    #[serde(default)]
    pub offline: bool,
    /// The fraction of train that becomes dev if the corpus has no dev split, in (0, 1).
    #[serde(default = "default_dev_fraction")]
    pub dev_fraction: f64,
    /// The fraction of train that becomes test if the corpus has no test split, in [0, 1).
    #[serde(default)]
    pub test_fraction: f64,
    /// The fraction of train that is used for training, in (0, 1], for experiments with less data. Absent: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_fraction: Option<f64>,
}

fn main_revision() -> String {
    "main".to_owned()
}

fn default_dev_fraction() -> f64 {
    0.05
}

/// The registered corpora; `fetch/src/corpus/registry.rs` is their table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorpusName {
    /// Naver sentiment movie corpus: sentiment of film reviews.
    Nsmc,
    /// KLUE-NLI: natural language inference.
    KlueNli,
    /// KLUE-STS: semantic textual similarity.
    KlueSts,
    /// KLUE-NER: named entities, tagged by character.
    KlueNer,
    /// KLUE-MRC: questions with and without an answer in their context.
    KlueMrc,
    /// KorNLI: natural language inference, translated from English.
    Kornli,
    /// KorSTS: semantic textual similarity, translated from English.
    Korsts,
    /// The Korean part of PAWS-X: paraphrases.
    PawsXKo,
    /// Question pair: questions with the same meaning.
    QuestionPair,
    /// Korean hate speech: comments on entertainment news.
    KoreanHateSpeech,
    /// KorQuAD 1.0: questions with an answer in their context.
    KorquadV1,
}

impl CorpusName {
    /// All registered corpora.
    pub const ALL: [CorpusName; 11] = [
        CorpusName::Nsmc,
        CorpusName::KlueNli,
        CorpusName::KlueSts,
        CorpusName::KlueNer,
        CorpusName::KlueMrc,
        CorpusName::Kornli,
        CorpusName::Korsts,
        CorpusName::PawsXKo,
        CorpusName::QuestionPair,
        CorpusName::KoreanHateSpeech,
        CorpusName::KorquadV1,
    ];
}

impl FetchConfig {
    /// The source that `model` names.
    pub fn model_source(&self) -> ModelSource {
        ModelSource::parse(&self.model)
    }

    /// True if the config allows a test split. A registered corpus may still have none.
    pub(crate) fn may_have_test(&self) -> bool {
        let file = match &self.files {
            Some(files) => files.test.is_some(),
            None => self.only.is_none(),
        };
        file || self.test_fraction > 0.0
    }

    /// Checks the section for a task that learns `truth`.
    pub(crate) fn validate(&self, truth: TruthKind) -> Result<()> {
        let one_corpus = self.corpus.is_some() != self.files.is_some();
        require(
            one_corpus,
            "fetch.corpus",
            "or `fetch.files` must be given, and not both; see `fetch --list`",
        )?;
        let whole = self.only.is_none() || self.corpus.is_some();
        require(
            whole,
            "fetch.only",
            "is for a corpus of the registry; give own files as `fetch.files.train`",
        )?;
        self.validate_model()?;
        self.validate_fractions()?;
        self.files.as_ref().map_or(Ok(()), |files| files.validate(truth))?;
        self.scratch.validate()
    }

    fn validate_model(&self) -> Result<()> {
        let key = "fetch.model";
        require(
            !self.model.is_empty(),
            key,
            "must name a Hub id, a folder, a run (`run:NAME`) or `scratch`",
        )?;
        match self.model_source() {
            ModelSource::Hub { id } => {
                require(
                    model::is_hub_id(&id),
                    key,
                    "is neither a folder that exists nor a Hub id like `beomi/kcbert-base`",
                )?;
            }
            ModelSource::Run(run) => {
                require(is_run_name(&run), key, "is `run:` and no name of a run, like `run:nsmc-kcbert`")?;
            }
            ModelSource::Scratch | ModelSource::Folder(_) => {}
        }
        require(!self.revision.is_empty(), "fetch.revision", "must not be empty")
    }

    fn validate_fractions(&self) -> Result<()> {
        let (dev, test) = (self.dev_fraction, self.test_fraction);
        require(dev > 0.0 && dev < 1.0, "fetch.dev_fraction", "must lie between 0 and 1")?;
        require((0.0..1.0).contains(&test), "fetch.test_fraction", "must lie in [0, 1)")?;
        require(
            dev + test < 1.0,
            "fetch.test_fraction",
            "and `fetch.dev_fraction` leave nothing to train on",
        )?;
        let train = self.train_fraction.unwrap_or(1.0);
        require(train > 0.0 && train <= 1.0, "fetch.train_fraction", "must lie in (0, 1]")
    }
}

/// True if `name` is usable as the name of a run, and so of a folder.
pub(crate) fn is_run_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}
