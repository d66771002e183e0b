//! `[entity_recognition]`: the unit that is tagged, the tag scheme, and the aggregation of tags to entities.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::config::require;
use metrics::entities::TagScheme;

/// The keys of `[entity_recognition]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntityRecognitionConfig {
    /// The number of tokens that two neighbouring windows of a long text share: the last tokens of a window are the first
    /// of the next.
    pub stride: usize,
    /// The unit that is tagged: `token` or `word`.
    #[serde(skip_serializing_if = "EntityUnit::is_token")]
    pub unit: EntityUnit,
    /// The scheme of the tags in files: `iob2`, `iob2_suffix`, `io` or `plain`. With `plain` the model learns the tags
    /// themselves, and there are no entities. Absent: the scheme of the first tag with B or I.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<TagScheme>,
    /// The aggregation of token tags to entities in `predict` and `serve`. Absent: by `unit`, as in the metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
}

/// The unit that is tagged, in training and in decoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityUnit {
    /// Every token has the tag of its first character.
    #[default]
    Token,
    /// Every word has the tag of its first token, as in `run_ner` of `transformers`; its other tokens have no target.
    /// A word is a stretch of text between white space.
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
    /// Neighbouring tokens of one class form an entity, unless a tag begins a new one.
    Simple,
    /// A word has the tag of its first token.
    First,
    /// A word has the tag with the highest mean probability over its tokens.
    Average,
    /// A word has the tag of its most confident token.
    Max,
}

impl Default for EntityRecognitionConfig {
    fn default() -> Self {
        EntityRecognitionConfig { stride: 32, unit: EntityUnit::Token, scheme: None, aggregation: None }
    }
}

impl EntityRecognitionConfig {
    /// Checks that a window has room for its two special tokens and at least one new token.
    pub(crate) fn validate(&self, max_seq_length: usize) -> Result<()> {
        let advice = format!(
            "must be less than tokenize.max_seq_length ({max_seq_length}) less 2 special tokens, or no window would go on from \
             the one before it"
        );
        require(self.stride < max_seq_length.saturating_sub(2), "entity_recognition.stride", &advice)?;
        let entities = self.scheme != Some(TagScheme::Plain) || self.aggregation.is_none();
        let advice = "aggregates tokens to entities, but `scheme = \"plain\"` has none; leave it out";
        require(entities, "entity_recognition.aggregation", advice)
    }
}
