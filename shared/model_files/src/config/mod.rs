//! `config.json` of a BERT or ELECTRA in the Hub layout.

mod activation;
mod architecture;
mod keys;
mod maps;
mod task;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::layout::hub;

use crate::impostor::refuse_impostor;

pub use activation::HiddenAct;
pub use architecture::Architecture;
pub use task::ProblemType;

/// The contents of `config.json`. Fields have the names of `transformers`; keys without a meaning here are kept and
/// written back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    /// The family.
    pub model_type: ModelType,
    /// The number of tokens in the vocabulary.
    pub vocab_size: usize,
    /// The width of the encoder's hidden states.
    pub hidden_size: usize,
    /// The width of ELECTRA's embeddings; absent in a BERT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    embedding_size: Option<usize>,
    /// The number of encoder layers.
    pub num_hidden_layers: usize,
    /// The number of attention heads in a layer; it divides `hidden_size`.
    pub num_attention_heads: usize,
    /// The width between the two linear layers of the feed-forward block.
    pub intermediate_size: usize,
    /// The number of positions, and with it the most tokens in a sequence.
    pub max_position_embeddings: usize,
    /// The number of token types: 1 or 2.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    /// The activation of the feed-forward block.
    #[serde(default, deserialize_with = "maps::or_default")]
    pub hidden_act: HiddenAct,
    /// The dropout rate of embeddings and hidden states, in [0, 1).
    #[serde(default = "tenth")]
    pub hidden_dropout_prob: f64,
    /// The dropout rate of attention probabilities, in [0, 1).
    #[serde(default = "tenth")]
    pub attention_probs_dropout_prob: f64,
    /// The dropout rate of the classification head; absent, it is `hidden_dropout_prob`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier_dropout: Option<f64>,
    /// The standard deviation of random initial weights.
    #[serde(default = "initializer_range")]
    pub initializer_range: f64,
    /// The ε of LayerNorm.
    #[serde(default = "layer_norm_eps")]
    pub layer_norm_eps: f64,
    /// The id of the padding token; some models have none.
    #[serde(default = "first")]
    pub pad_token_id: Option<usize>,
    /// The kind of position embeddings.
    #[serde(default, deserialize_with = "maps::or_default")]
    pub position_embedding_type: PositionEmbeddingType,
    /// The names of the head's outputs by id; empty where the head has no names for them.
    #[serde(default, deserialize_with = "maps::names", skip_serializing_if = "BTreeMap::is_empty")]
    pub id2label: BTreeMap<usize, String>,
    /// The inverse of `id2label`.
    #[serde(default, deserialize_with = "maps::ids", skip_serializing_if = "BTreeMap::is_empty")]
    pub label2id: BTreeMap<String, usize>,
    /// The problem that a head over whole sequences solves; absent for other heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem_type: Option<ProblemType>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The family of an encoder. The layers of both families are equal; the names of tensors and the heads differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelType {
    /// BERT (Devlin et al., 2019, <https://arxiv.org/abs/1810.04805>).
    Bert,
    /// The discriminator of ELECTRA (Clark et al., 2020, <https://arxiv.org/abs/2003.10555>).
    Electra,
}

impl ModelType {
    /// The prefix of the encoder's tensors, without the dot.
    pub fn prefix(self) -> &'static str {
        match self {
            ModelType::Bert => "bert",
            ModelType::Electra => "electra",
        }
    }
}

/// The kind of position embeddings. Others than learned absolute ones are not supported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionEmbeddingType {
    /// Learned, one for each position.
    #[default]
    Absolute,
}

fn two() -> usize {
    2
}

fn first() -> Option<usize> {
    Some(0)
}

fn tenth() -> f64 {
    0.1
}

/// The default of `transformers` for ELECTRA's `embedding_size`.
const ELECTRA_EMBEDDING_SIZE: usize = 128;

fn initializer_range() -> f64 {
    0.02
}

fn layer_norm_eps() -> f64 {
    1e-12
}

impl BertConfig {
    /// Reads `folder/config.json`.
    ///
    /// # Errors
    /// A [`Fault::input`] where the file is missing or damaged, or describes a model that this project does not compute.
    pub fn read(folder: &Path) -> Result<BertConfig> {
        let path = folder.join(hub::CONFIG);
        if !path.is_file() {
            // The path may be a run's folder, or the folder of its training.
            let inner = ["model", "train/model"].map(|inner| folder.join(inner));
            let inner = inner.iter().find(|inner| inner.join(hub::CONFIG).is_file());
            let remedy = match inner {
                Some(inner) => format!("the model is in {}", inner.display()),
                None => "name the folder of a model as `transformers` saves it".to_owned(),
            };
            bail!(Fault::input(format!("{} has no {}; {remedy}", folder.display(), hub::CONFIG)));
        }
        BertConfig::read_file(&path, &path.display().to_string())
    }

    /// Reads the `config.json` at `path`; messages call it `shown`.
    ///
    /// # Errors
    /// As [`BertConfig::read`].
    pub fn read_file(path: &Path, shown: &str) -> Result<BertConfig> {
        let unreadable = || Fault::input(format!("cannot read {shown}"));
        let bytes = fs::read(path).with_context(unreadable)?;
        refuse_impostor(path, shown)?;
        let no_json = || Fault::input(format!("{shown} is no JSON object; take another copy of it"));
        let keys: Map<String, Value> = serde_json::from_slice(&bytes).with_context(no_json)?;
        let unfit = || Fault::input(format!("bertline does not compute the model that {shown} describes"));
        BertConfig::parse(keys).with_context(unfit)
    }

    fn parse(keys: Map<String, Value>) -> Result<BertConfig> {
        let mut config: BertConfig = serde_json::from_value(keys.into())?;
        config.check()?;
        keys::check(&config.rest)?;
        config.name_classes()?;
        Ok(config)
    }

    /// The keys that no version of `transformers` has for such a model; they are ignored here as there.
    pub fn unknown_keys(&self) -> Vec<&str> {
        keys::unknown(&self.rest).collect()
    }

    fn check(&self) -> Result<()> {
        let widths = [self.hidden_size, self.embedding_size(), self.intermediate_size];
        let sizes = [self.vocab_size, self.max_position_embeddings].into_iter().chain(widths);
        ensure!(sizes.min() > Some(0), "a size is 0");
        ensure!((1..=2).contains(&self.type_vocab_size), "type_vocab_size is {}", self.type_vocab_size);
        let padding = self.pad_token_id.is_none_or(|id| id < self.vocab_size);
        ensure!(padding, "pad_token_id is outside the vocabulary");
        let heads = self.num_attention_heads;
        let divides = heads > 0 && self.hidden_size.is_multiple_of(heads);
        ensure!(divides, "hidden_size {} is no multiple of {heads} heads", self.hidden_size);
        let rates = [self.hidden_dropout_prob, self.attention_probs_dropout_prob, self.head_dropout()];
        ensure!(rates.iter().all(|rate| (0.0..1.0).contains(rate)), "a dropout rate is outside [0, 1)");
        Ok(())
    }

    /// The width of the embeddings. Where it differs from `hidden_size`, a projection follows them.
    pub fn embedding_size(&self) -> usize {
        match self.model_type {
            ModelType::Bert => self.hidden_size,
            ModelType::Electra => self.embedding_size.unwrap_or(ELECTRA_EMBEDDING_SIZE),
        }
    }

    /// The dropout rate in the classification head.
    pub fn head_dropout(&self) -> f64 {
        self.classifier_dropout.unwrap_or(self.hidden_dropout_prob)
    }

    /// Sets every dropout rate to `rate`.
    pub fn with_dropout(mut self, rate: f64) -> BertConfig {
        self.hidden_dropout_prob = rate;
        self.attention_probs_dropout_prob = rate;
        self.classifier_dropout = None;
        self
    }

    /// Writes `folder/config.json`.
    ///
    /// # Errors
    /// An error that names the file where it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(hub::CONFIG);
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use shared::schema::TargetKind;
    use shared::task::OutputLayer;

    use super::*;

    const MINIMAL: &str = r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 12, "use_cache": true}"#;

    fn read(text: &str) -> Result<BertConfig> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(hub::CONFIG), text).unwrap();
        BertConfig::read(folder.path())
    }

    fn check_refused(from: &str, to: &str, reason: &str) {
        let error = read(&MINIMAL.replace(from, to)).unwrap_err();
        assert!(format!("{error:#}").contains(reason), "{error:#}");
    }

    #[test]
    fn defaults_match_transformers() {
        let config = read(MINIMAL).unwrap();
        assert_eq!((config.layer_norm_eps, config.type_vocab_size), (1e-12, 2));
        assert_eq!(config.hidden_act, HiddenAct::Gelu);
        assert_eq!(config.embedding_size(), config.hidden_size);
        let electra = read(&MINIMAL.replace("\"bert\"", "\"electra\"")).unwrap();
        assert_eq!(electra.embedding_size(), 128);
    }

    #[test]
    fn models_that_cannot_be_computed_are_refused() {
        check_refused("\"bert\"", "\"xlm-roberta\"", "`xlm-roberta`, expected `bert` or `electra`");
        check_refused("\"bert\"", "\"electra\", \"embedding_size\": 0", "a size is 0");
        check_refused("\"use_cache\"", "\"hidden_act\": \"mish\", \"use_cache\"", "mish");
        check_refused(
            "\"use_cache\"",
            "\"position_embedding_type\": \"relative_key\", \"x\"",
            "relative_key",
        );
        check_refused("\"num_attention_heads\": 2", "\"num_attention_heads\": 3", "3 heads");
        check_refused("\"vocab_size\": 10,", "", "vocab_size");
        check_refused("\"use_cache\"", "\"pad_token_id\": 10, \"use_cache\"", "pad_token_id");
    }

    #[test]
    fn errors_say_why_a_file_is_no_config() {
        let check = |text: &str, reason: &str| {
            let error = read(text).unwrap_err();
            assert_eq!(shared::fault::kind_of(&error).code(), 3);
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        };
        check("<!DOCTYPE html><html></html>", "is an HTML page");
        check("", "is empty");
        check("[1, 2]", "is no JSON object");
        check(
            &MINIMAL.replace("\"use_cache\"", "\"hidden_act\": \"selu\", \"x\""),
            "bertline does not compute the model",
        );
        let folder = tempfile::tempdir().unwrap();
        let missing = || BertConfig::read(folder.path()).unwrap_err().to_string();
        assert!(
            missing().ends_with("has no config.json; name the folder of a model as `transformers` saves it")
        );
        let inner = folder.path().join("train/model");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join(hub::CONFIG), MINIMAL).unwrap();
        assert!(missing().ends_with(&format!("the model is in {}", inner.display())), "{}", missing());
    }

    #[test]
    fn labels_and_unknown_keys_are_written_back() {
        let folder = tempfile::tempdir().unwrap();
        let labels = ["negative".into(), "positive".into()];
        let config = read(MINIMAL).unwrap().with_task(OutputLayer::Sequence, TargetKind::Class, &labels);
        config.write(folder.path()).unwrap();
        let written: Value =
            serde_json::from_slice(&fs::read(folder.path().join(hub::CONFIG)).unwrap()).unwrap();
        assert_eq!(written["id2label"]["1"], "positive");
        assert_eq!(written["label2id"]["negative"], 0);
        assert_eq!(written["use_cache"], true);
        assert_eq!(BertConfig::read(folder.path()).unwrap(), config);
    }
}
