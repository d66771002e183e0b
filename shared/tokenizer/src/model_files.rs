//! What the files beside a model's weights say about its ids.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::layout::hub;

/// The part of `config.json` that bounds ids, types and lengths.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ModelConfig {
    pub(crate) vocab_size: u32,
    pub(crate) max_position_embeddings: usize,
    #[serde(default = "two")]
    pub(crate) type_vocab_size: u32,
    pub(crate) pad_token_id: Option<u32>,
}

/// `transformers`' default for a BERT.
fn two() -> u32 {
    2
}

impl ModelConfig {
    pub(crate) fn read(folder: &Path) -> Result<ModelConfig> {
        read_json(&folder.join(hub::CONFIG))
    }

    /// # Errors
    /// A [`Fault::usage`] where the model has fewer positions than `max_seq_length`.
    pub(crate) fn check_length(&self, max_seq_length: usize) -> Result<()> {
        let limit = self.max_position_embeddings;
        ensure!(
            max_seq_length <= limit,
            Fault::usage(format!(
                "config key `tokenize.max_seq_length` is {max_seq_length}, and the model has only {limit} \
                 positions (max_position_embeddings); set it to {limit} or less"
            ))
        );
        Ok(())
    }
}

/// `tokenizer_config.json`, with `transformers`' defaults for a BERT tokenizer.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct TokenizerConfig {
    pub(crate) do_lower_case: bool,
    /// Absent: accents are stripped where letters are lower-cased.
    pub(crate) strip_accents: Option<bool>,
    pub(crate) tokenize_chinese_chars: bool,
    pub(crate) unk_token: TokenName,
    pub(crate) cls_token: TokenName,
    pub(crate) sep_token: TokenName,
    pub(crate) mask_token: TokenName,
    pub(crate) pad_token: Option<TokenName>,
}

impl Default for TokenizerConfig {
    fn default() -> Self {
        TokenizerConfig {
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: true,
            unk_token: "[UNK]".into(),
            cls_token: "[CLS]".into(),
            sep_token: "[SEP]".into(),
            mask_token: "[MASK]".into(),
            pad_token: None,
        }
    }
}

impl TokenizerConfig {
    /// Reads `special_tokens_map.json` and `tokenizer_config.json`, the second above the first; either may be
    /// absent.
    pub(crate) fn read(folder: &Path) -> Result<TokenizerConfig> {
        let mut merged = Map::new();
        for name in [hub::SPECIAL_TOKENS, hub::TOKENIZER_CONFIG] {
            let path = folder.join(name);
            if path.is_file() {
                let keys: Map<String, Value> = read_json(&path)?;
                merged.extend(keys.into_iter().filter(|(_, value)| !value.is_null()));
            }
        }
        serde_json::from_value(Value::Object(merged)).with_context(|| {
            let path = folder.join(hub::TOKENIZER_CONFIG);
            Fault::input(format!("{} is no tokenizer configuration", path.display()))
        })
    }
}

/// A token as both files may spell it: the bare text, or an object that has the text as `content`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum TokenName {
    Plain(String),
    Added { content: String },
}

impl TokenName {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            TokenName::Plain(text) | TokenName::Added { content: text } => text,
        }
    }
}

impl From<&str> for TokenName {
    fn from(text: &str) -> Self {
        TokenName::Plain(text.to_owned())
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path)
        .with_context(|| Fault::input(format!("cannot read {}; fetch a complete model", path.display())))?;
    serde_json::from_slice(&bytes)
        .with_context(|| Fault::input(format!("{} is not what a BERT model has there", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(files: &[(&str, &str)]) -> TokenizerConfig {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        TokenizerConfig::read(folder.path()).unwrap()
    }

    #[test]
    fn absent_files_mean_the_defaults_of_bert() {
        let read = config(&[]);
        assert!(read.do_lower_case && read.tokenize_chinese_chars && read.strip_accents.is_none());
        assert_eq!(read.cls_token.as_str(), "[CLS]");
    }

    #[test]
    fn the_tokenizer_config_stands_above_the_special_tokens_map() {
        let map = r#"{"pad_token": "<a>", "cls_token": {"content": "<c>", "lstrip": false}}"#;
        let own = r#"{"pad_token": "<b>", "strip_accents": null, "do_lower_case": false}"#;
        let read = config(&[(hub::SPECIAL_TOKENS, map), (hub::TOKENIZER_CONFIG, own)]);
        assert_eq!(read.pad_token.unwrap().as_str(), "<b>");
        assert_eq!(read.cls_token.as_str(), "<c>");
        assert!(!read.do_lower_case);
    }
}
