//! The settings that `AutoTokenizer` reads from the files beside a vocabulary, with their precedence.
//!
//! If `tokenizer_config.json` has no `added_tokens_decoder`, `special_tokens_map.json` overrides it and
//! `added_tokens.json` is read. If it has one, both files are ignored.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::layout::hub;
use tokenizers::AddedToken;

use crate::class::TokenizerClass;
use crate::files::TokenizerFiles;

/// The keys of special tokens in `transformers`, in the order in which it adds the tokens to a vocabulary.
pub(crate) const NAMES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

const ADDITIONAL: [&str; 2] = ["additional_special_tokens", "extra_special_tokens"];

/// The settings of the files beside a vocabulary.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// None where no file names one.
    pub(crate) class: Option<TokenizerClass>,
    pub(crate) normalizer: NormalizerOptions,
    /// The special tokens by key.
    named: BTreeMap<&'static str, AddedToken>,
    /// Special tokens without a key of their own.
    pub(crate) additional: Vec<AddedToken>,
    /// Tokens beyond the vocabulary, by the ids in their file.
    pub(crate) added: BTreeMap<u32, AddedToken>,
    /// Keys that only `transformers` 5 reads as special tokens, such as `image_token`, with their tokens.
    pub(crate) only_in_v5: Vec<(String, String)>,
    pub(crate) add_prefix_space: Option<bool>,
    padding_side: Option<Side>,
    truncation_side: Option<Side>,
}

/// The options of BERT's normalizer, with the defaults of `transformers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct NormalizerOptions {
    pub(crate) do_lower_case: bool,
    /// Absent, accents are stripped if letters are lower-cased.
    pub(crate) strip_accents: Option<bool>,
    pub(crate) tokenize_chinese_chars: bool,
}

impl Default for NormalizerOptions {
    fn default() -> Self {
        NormalizerOptions { do_lower_case: true, strip_accents: None, tokenize_chinese_chars: true }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Left,
    Right,
}

/// The keys of `tokenizer_config.json` that change ids. Some of them are refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Keys {
    tokenizer_class: Option<String>,
    auto_map: Option<Value>,
    fast_tokenizer_files: Vec<String>,
    from_slow: bool,
    split_special_tokens: bool,
    add_prefix_space: Option<bool>,
    padding_side: Option<Side>,
    truncation_side: Option<Side>,
    added_tokens_decoder: BTreeMap<u32, Token>,
    additional_special_tokens: Vec<Token>,
    extra_special_tokens: Extra,
}

/// A token in a file: the bare text, or an object with the text in `content`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Token {
    Plain(String),
    Added {
        content: String,
        #[serde(default)]
        lstrip: bool,
        #[serde(default)]
        rstrip: bool,
        #[serde(default)]
        single_word: bool,
        normalized: Option<bool>,
        #[serde(default)]
        special: bool,
    },
}

impl Token {
    fn special(self) -> AddedToken {
        let added = self.added(true);
        AddedToken { special: true, ..added }
    }

    /// Converts to an added token. `is_special` applies to bare texts. Special tokens are matched before normalization.
    fn added(self, is_special: bool) -> AddedToken {
        match self {
            Token::Plain(content) => AddedToken::from(content, is_special),
            Token::Added { content, lstrip, rstrip, single_word, normalized, special } => {
                let normalized = normalized.unwrap_or(!(special || is_special));
                AddedToken { content, single_word, lstrip, rstrip, normalized, special }
            }
        }
    }
}

/// The value of `extra_special_tokens`: a list of tokens, or tokens by name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Extra {
    List(Vec<Token>),
    Named(BTreeMap<String, Token>),
}

impl Default for Extra {
    fn default() -> Self {
        Extra::List(Vec::new())
    }
}

/// The key of `config.json` that names the tokenizer's class.
#[derive(Debug, Default, Deserialize)]
struct ModelKeys {
    tokenizer_class: Option<String>,
}

impl Settings {
    /// Reads the settings of `files`.
    ///
    /// # Errors
    /// A [`Fault::input`] that names a file and a key that is not supported.
    pub(crate) fn read(files: &TokenizerFiles) -> Result<Settings> {
        let merged = merged(files)?;
        let unfit = || Fault::input(format!("{} is no tokenizer configuration", hub::TOKENIZER_CONFIG));
        let keys: Keys = serde_json::from_value(Value::Object(merged.clone())).with_context(unfit)?;
        keys.refuse()?;
        let normalizer: NormalizerOptions =
            serde_json::from_value(Value::Object(merged.clone())).with_context(unfit)?;
        let model: ModelKeys = files.json(hub::CONFIG)?.unwrap_or_default();
        let class = keys.tokenizer_class.or(model.tokenizer_class);
        let mut named = BTreeMap::new();
        for name in NAMES {
            if let Some(value) = merged.get(name) {
                let token: Token = serde_json::from_value(value.clone()).with_context(|| {
                    Fault::input(format!("`{name}` of {} is no token", hub::TOKENIZER_CONFIG))
                })?;
                named.insert(name, token.special());
            }
        }
        let extra: Vec<Token> = match keys.extra_special_tokens {
            Extra::List(tokens) => tokens,
            Extra::Named(tokens) => tokens.into_values().collect(),
        };
        let mut additional: Vec<AddedToken> = Vec::new();
        for token in keys.additional_special_tokens.into_iter().chain(extra).map(Token::special) {
            if !additional.iter().any(|known| known.content == token.content) {
                additional.push(token);
            }
        }
        let mut settings = Settings {
            class: class.map(|name| TokenizerClass::of(&name)).transpose()?,
            normalizer,
            named,
            additional,
            added: keys
                .added_tokens_decoder
                .into_iter()
                .map(|(id, token)| (id, token.added(false)))
                .collect(),
            only_in_v5: only_in_v5(&merged),
            add_prefix_space: keys.add_prefix_space,
            padding_side: keys.padding_side,
            truncation_side: keys.truncation_side,
        };
        if !merged.contains_key(DECODER) {
            settings.read_added_tokens(files)?;
        }
        Ok(settings)
    }

    /// Reads the tokens and ids of `added_tokens.json`. A token is special if another file names it as special.
    fn read_added_tokens(&mut self, files: &TokenizerFiles) -> Result<()> {
        let ids: BTreeMap<String, u32> = files.json(hub::ADDED_TOKENS)?.unwrap_or_default();
        for (content, id) in ids {
            let token = AddedToken::from(content.as_str(), self.names_special(&content));
            if let Some(other) = self.added.insert(id, token) {
                bail!(Fault::input(format!(
                    "{} gives the tokens `{}` and `{content}` the same id {id}; a token has an id of its own",
                    hub::ADDED_TOKENS,
                    other.content
                )));
            }
        }
        Ok(())
    }

    /// Returns whether the token `content` is special.
    pub(crate) fn names_special(&self, content: &str) -> bool {
        self.special().any(|token| token.content == content)
    }

    /// The special tokens, in the order in which `transformers` adds them.
    pub(crate) fn special(&self) -> impl Iterator<Item = &AddedToken> {
        NAMES.iter().filter_map(|name| self.named.get(name)).chain(&self.additional)
    }

    /// The special token with the key `name`.
    pub(crate) fn named(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(|token| token.content.as_str())
    }

    /// Adds the special tokens of `class` for keys that no file has.
    pub(crate) fn add_default_tokens(&mut self, class: TokenizerClass) {
        for (name, token) in class.default_tokens() {
            self.named.entry(name).or_insert(token);
        }
    }

    /// Checks that padding and truncation are on the right. `stored` are the sides in `tokenizer.json`, which apply where
    /// the configuration names none.
    ///
    /// # Errors
    /// A [`Fault::input`] where a side is the left.
    pub(crate) fn check_sides(&self, stored: Sides) -> Result<()> {
        let sides = [
            ("padding_side", self.padding_side.or(stored.padding)),
            ("truncation_side", self.truncation_side.or(stored.truncation)),
        ];
        for (key, side) in sides {
            ensure!(
                side != Some(Side::Left),
                Fault::input(format!(
                    "`{key}` of the tokenizer is \"left\", and texts are padded and truncated only on the right; \
                     set `{key}` to \"right\" in {} of a copy of the model, if its weights allow it",
                    hub::TOKENIZER_CONFIG
                ))
            );
        }
        Ok(())
    }
}

/// The sides of padding and truncation in `tokenizer.json`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sides {
    pub(crate) padding: Option<Side>,
    pub(crate) truncation: Option<Side>,
}

const DECODER: &str = "added_tokens_decoder";

/// The keys of `tokenizer_config.json` and `special_tokens_map.json` without null values.
fn merged(files: &TokenizerFiles) -> Result<Map<String, Value>> {
    let without_null =
        |keys: Option<Map<String, Value>>| keys.into_iter().flatten().filter(|(_, value)| !value.is_null());
    let mut merged: Map<String, Value> = without_null(files.json(hub::TOKENIZER_CONFIG)?).collect();
    if merged.contains_key(DECODER) {
        return Ok(merged);
    }
    for (key, value) in without_null(files.json(hub::SPECIAL_TOKENS)?) {
        match (merged.get_mut(&key), value) {
            (Some(Value::Array(known)), Value::Array(more)) if ADDITIONAL.contains(&key.as_str()) => {
                known.extend(more);
            }
            (_, value) => {
                merged.insert(key, value);
            }
        }
    }
    Ok(merged)
}

/// The keys that end with `_token` and are not in [`NAMES`], such as `image_token`, with their tokens.
fn only_in_v5(merged: &Map<String, Value>) -> Vec<(String, String)> {
    let is_unlisted = |key: &str| key.ends_with("_token") && !NAMES.contains(&key);
    let unlisted = merged.iter().filter(|(key, _)| is_unlisted(key));
    unlisted.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

impl Keys {
    /// Refuses keys that change ids in ways that are not supported.
    ///
    /// # Errors
    /// A [`Fault::input`] that names the key.
    fn refuse(&self) -> Result<()> {
        let refuse = |key: &str, why: &str| -> Result<()> {
            bail!(Fault::input(format!("`{key}` of {} is not supported: {why}", hub::TOKENIZER_CONFIG)))
        };
        if self.auto_map.as_ref().is_some_and(|map| map.is_array() || map.get("AutoTokenizer").is_some()) {
            refuse(
                "auto_map",
                "it names Python code of the model's own; use a model whose tokenizer is one of transformers' classes",
            )?;
        }
        if self.fast_tokenizer_files.iter().any(|name| name != hub::TOKENIZER) {
            refuse(
                "fast_tokenizer_files",
                "which file counts depends on the version of transformers; keep one tokenizer.json and delete the key",
            )?;
        }
        if self.split_special_tokens {
            refuse(
                "split_special_tokens",
                "special tokens in a text are tokens here; set it to false in a copy of the model",
            )?;
        }
        if self.from_slow {
            refuse(
                "from_slow",
                "only tokenizer.json and vocab.txt are read; save the model's tokenizer with save_pretrained() of \
                 transformers, which writes a tokenizer.json, and delete the key",
            )?;
        }
        Ok(())
    }
}
