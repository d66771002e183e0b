//! `[entity_recognition]`: what that task alone asks.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;
use metrics::entities::TagScheme;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntityRecognitionConfig {
    /// A text that is longer than the model takes goes into several rows; so many tokens at the end of one stand at
    /// the beginning of the next one too.
    pub stride: usize,
    /// What has a tag.
    #[serde(skip_serializing_if = "EntityUnit::is_token")]
    pub unit: EntityUnit,
    /// How the tags in files are written. Absent: as the first tag with B or I shows. With `plain` the model learns
    /// the tags themselves, and no entities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<TagScheme>,
    /// How `predict` and `serve` put tokens together. Absent: by `unit`, as the metrics do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
}

/// What a tag is given to, in training and in reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityUnit {
    /// Every token has the tag of its first character.
    #[default]
    Token,
    /// A word, a part between whitespace, has the tag of its first token, as in `transformers`' `run_ner`; of its
    /// other tokens nothing is learnt.
    Word,
}

impl EntityUnit {
    fn is_token(&self) -> bool {
        *self == EntityUnit::Token
    }
}

/// The `aggregation_strategy` of `transformers`' `TokenClassificationPipeline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Neighbouring tokens of one class are an entity, unless a tag begins a new one.
    Simple,
    /// A word has the tag of its first token.
    First,
    /// A word has the tag with the highest mean probability over its tokens.
    Average,
    /// A word has the tag of the token that is surest.
    Max,
}

impl Default for EntityRecognitionConfig {
    fn default() -> Self {
        EntityRecognitionConfig { stride: 32, unit: EntityUnit::Token, scheme: None, aggregation: None }
    }
}

impl EntityRecognitionConfig {
    /// A row has two special tokens, and has to bring a token that the one before it has not.
    pub(crate) fn validate(&self, max_seq_length: usize) -> Result<()> {
        let advice = format!(
            "must be less than tokenize.max_seq_length ({max_seq_length}) less 2 special tokens, or no window would go on from \
             the one before it"
        );
        require(self.stride < max_seq_length.saturating_sub(2), "entity_recognition.stride", &advice)?;
        let entities = self.scheme != Some(TagScheme::Plain) || self.aggregation.is_none();
        let advice =
            "puts tokens together to entities, and with `scheme = \"plain\"` there are none; leave it out";
        require(entities, "entity_recognition.aggregation", advice)
    }
}
