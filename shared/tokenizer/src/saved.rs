//! Saves a tokenizer beside a model, so that `AutoTokenizer` of `transformers` 4 and 5 builds the tokenizer that made the
//! features.
//!
//! Every setting that changes ids is written to `tokenizer.json`. `tokenizer_config.json` names the class that uses this
//! file unchanged: the other classes modify it by rules that differ between versions.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Error, Result, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use shared::layout::hub;
use tokenizers::{AddedToken, NormalizerWrapper, Tokenizer};

use crate::class;
use crate::files::TokenizerFiles;
use crate::loaded::{BuiltFrom, LoadedTokenizer, prefix_space};
use crate::settings::{NAMES, Settings};

/// Keys of `tokenizer_config.json` that `tokenizer.json` replaces, or that name files.
const RESOLVED: [&str; 6] = [
    "added_tokens_decoder",
    "extra_special_tokens",
    "fast_tokenizer_files",
    "name_or_path",
    "special_tokens_map_file",
    "tokenizer_file",
];

/// The files of a tokenizer in memory, to be written beside saved models.
#[derive(Debug, Clone)]
pub struct SavedTokenizer {
    files: Vec<(&'static str, Vec<u8>)>,
}

impl SavedTokenizer {
    /// Reads the tokenizer of the model in `from`, for a model with `positions` positions.
    ///
    /// # Errors
    /// A [`shared::fault::Fault::input`] where there is no tokenizer, or one of its files is not JSON.
    pub fn read(from: &Path, positions: usize) -> Result<SavedTokenizer> {
        let files = TokenizerFiles::in_folder(from);
        let loaded =
            LoadedTokenizer::read(&files).with_context(|| format!("the tokenizer in {}", from.display()))?;
        let text = match (files.path(hub::TOKENIZER), loaded.built_from) {
            (Some(stored), BuiltFrom::TokenizerJson) => bytes(stored)?,
            (Some(stored), _) => changed(stored, &loaded.tokenizer)?,
            (None, _) => loaded.tokenizer.to_string(true).map_err(Error::from_boxed)?.into_bytes(),
        };
        let named = named(&loaded.settings, &serde_json::from_slice(&text)?);
        let mut config: Map<String, Value> = files.json(hub::TOKENIZER_CONFIG)?.unwrap_or_default();
        config.retain(|key, _| !RESOLVED.contains(&key.as_str()));
        limit(&mut config, positions);
        describe(&mut config, &loaded, &named);
        let mut saved = vec![(hub::TOKENIZER, text), (hub::TOKENIZER_CONFIG, json(&config)?)];
        if files.path(hub::SPECIAL_TOKENS).is_some() {
            saved.push((hub::SPECIAL_TOKENS, json(&named)?));
        }
        if let Some(vocabulary) = files.path(hub::VOCAB) {
            saved.push((hub::VOCAB, bytes(vocabulary)?));
        }
        Ok(SavedTokenizer { files: saved })
    }

    /// Writes the files to `folder`.
    ///
    /// # Errors
    /// An error that names the file which cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// The JSON of `tokenizer`, with the model from the file `stored`: the scores in `tokenizer` were read inexactly.
fn changed(stored: &Path, tokenizer: &Tokenizer) -> Result<Vec<u8>> {
    let mut before: Map<String, Value> = serde_json::from_slice(&bytes(stored)?)?;
    let Value::Object(mut after) = serde_json::to_value(tokenizer)? else {
        bail!("a tokenizer is an object")
    };
    after.extend(before.remove("model").map(|model| ("model".to_owned(), model)));
    json(&after)
}

/// Sets `model_max_length` to `positions` unless it is a smaller number. `transformers` writes about 1e30 for no limit.
fn limit(config: &mut Map<String, Value>, positions: usize) {
    const KEY: &str = "model_max_length";
    let fits = config.get(KEY).and_then(Value::as_u64).is_some_and(|length| length <= positions as u64);
    if !fits {
        config.insert(KEY.into(), positions.into());
    }
}

/// Writes the settings of `loaded` to `config`, also those for which a class of `transformers` has defaults.
fn describe(config: &mut Map<String, Value>, loaded: &LoadedTokenizer, named: &Map<String, Value>) {
    config.insert("tokenizer_class".into(), class::STORED.into());
    config.extend(named.clone());
    let additional: Vec<&str> =
        loaded.settings.additional.iter().map(|token| token.content.as_str()).collect();
    config.remove("additional_special_tokens");
    if !additional.is_empty() {
        config.insert("additional_special_tokens".into(), additional.into());
    }
    if let Some(NormalizerWrapper::BertNormalizer(normalizer)) = loaded.tokenizer.get_normalizer() {
        config.insert("do_lower_case".into(), normalizer.lowercase.into());
        config.insert("strip_accents".into(), normalizer.strip_accents.into());
        config.insert("tokenize_chinese_chars".into(), normalizer.handle_chinese_chars.into());
    }
    if let Some(space) = prefix_space(&loaded.tokenizer) {
        config.insert("add_prefix_space".into(), space.into());
    }
}

/// The special tokens by the keys of `transformers`: those that the configuration names, else those of `file`.
fn named(settings: &Settings, file: &TokenizerFile) -> Map<String, Value> {
    let stored: BTreeMap<&str, &str> =
        file.special_tokens().into_iter().filter_map(|(key, token)| Some((key, token?))).collect();
    let token = |key: &'static str| settings.named(key).or_else(|| stored.get(key).copied());
    NAMES.into_iter().filter_map(|key| Some((key.to_owned(), token(key)?.into()))).collect()
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn json(value: &Map<String, Value>) -> Result<Vec<u8>> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?).into_bytes())
}

/// The keys of `tokenizer.json` that show special tokens.
#[derive(Deserialize)]
struct TokenizerFile {
    #[serde(default)]
    added_tokens: Vec<StoredToken>,
    post_processor: Option<PostProcessor>,
    padding: Option<Padding>,
    model: UnknownToken,
}

#[derive(Deserialize)]
struct StoredToken {
    id: usize,
    #[serde(flatten)]
    token: AddedToken,
}

#[derive(Deserialize)]
struct Padding {
    pad_token: String,
}

/// The unknown token: its id in a Unigram model, its text in the others.
#[derive(Deserialize)]
struct UnknownToken {
    unk_id: Option<usize>,
    unk_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PostProcessor {
    TemplateProcessing {
        single: Vec<TemplatePiece>,
    },
    #[serde(alias = "RobertaProcessing")]
    BertProcessing {
        cls: (String, usize),
        sep: (String, usize),
    },
    Sequence {
        processors: Vec<PostProcessor>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
enum TemplatePiece {
    SpecialToken { id: String },
    Sequence(IgnoredAny),
}

impl PostProcessor {
    /// The special tokens before and after a text.
    fn around(&self) -> (Option<&str>, Option<&str>) {
        match self {
            PostProcessor::TemplateProcessing { single } => (special(single.first()), special(single.last())),
            PostProcessor::BertProcessing { cls, sep } => (Some(&cls.0), Some(&sep.0)),
            PostProcessor::Sequence { processors } => processors
                .iter()
                .map(PostProcessor::around)
                .find(|around| *around != (None, None))
                .unwrap_or_default(),
            PostProcessor::Other => (None, None),
        }
    }
}

fn special(piece: Option<&TemplatePiece>) -> Option<&str> {
    match piece {
        Some(TemplatePiece::SpecialToken { id }) => Some(id),
        Some(TemplatePiece::Sequence(_)) | None => None,
    }
}

impl TokenizerFile {
    /// The special tokens by the keys of `transformers`. A token that the tokenizer does not mark as special is omitted:
    /// naming it would make it special, and change how texts that contain it are split.
    fn special_tokens(&self) -> [(&'static str, Option<&str>); 5] {
        let added = || self.added_tokens.iter().filter(|stored| stored.token.special);
        let content = |name: &str| {
            added().find(|stored| stored.token.content == name).map(|stored| &*stored.token.content)
        };
        let either = |names: [&str; 2]| names.into_iter().find_map(content);
        let around = self.post_processor.as_ref().map(PostProcessor::around);
        let (before, after) = around.unwrap_or_default();
        let by_id = |id| added().find(|stored| stored.id == id).map(|stored| &*stored.token.content);
        let unknown = self.model.unk_token.as_deref().and_then(content);
        let padding = self.padding.as_ref().map(|padding| &*padding.pad_token);
        [
            ("unk_token", unknown.or_else(|| self.model.unk_id.and_then(by_id))),
            ("cls_token", before.and_then(content)),
            ("sep_token", after.and_then(content)),
            ("pad_token", padding.or_else(|| either(["[PAD]", "<pad>"]))),
            ("mask_token", either(["[MASK]", "<mask>"])),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n";

    const UNIGRAM: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [
        {"id": 0, "content": "<s>", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},
        {"id": 1, "content": "<pad>", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},
        {"id": 2, "content": "</s>", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},
        {"id": 3, "content": "<unk>", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},
        {"id": 4, "content": "<mask>", "special": false, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}],
        "normalizer": null, "pre_tokenizer": null, "decoder": null,
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
            "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}},
        "model": {"type": "Unigram", "unk_id": 3, "byte_fallback": false, "vocab": [["<s>", 0.0], ["<pad>", 0.0],
            ["</s>", 0.0], ["<unk>", -9.5], ["<mask>", -2.1234567890123457]]}}"#;

    /// The saved files, by name, of a tokenizer with these `files` and a model with 64 positions.
    fn saved(files: &[(&str, &str)]) -> BTreeMap<&'static str, Vec<u8>> {
        let from = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(from.path().join(name), text).unwrap());
        SavedTokenizer::read(from.path(), 64).unwrap().files.into_iter().collect()
    }

    fn check(files: &[(&str, &str)], expect: &str) {
        let written: Value = serde_json::from_slice(&saved(files)[hub::TOKENIZER_CONFIG]).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(expect).unwrap());
    }

    #[test]
    fn a_tokenizer_without_a_class_is_saved_unchanged() {
        check(
            &[(hub::TOKENIZER, UNIGRAM)],
            r#"{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, "unk_token": "<unk>",
                "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}"#,
        );
        assert_eq!(saved(&[(hub::TOKENIZER, UNIGRAM)])[hub::TOKENIZER], UNIGRAM.as_bytes());
    }

    #[test]
    fn settings_of_all_files_are_written_to_tokenizer_json() {
        let told = r#"{"tokenizer_class": "BertTokenizer", "model_max_length": 48, "do_lower_case": false,
            "added_tokens_decoder": {"6": {"content": "<e>", "special": false, "normalized": false}},
            "additional_special_tokens": ["<f>"]}"#;
        let files = [(hub::VOCAB, VOCAB), (hub::TOKENIZER_CONFIG, told), (hub::SPECIAL_TOKENS, "{}")];
        let saved = saved(&files);
        let tokenizer = Tokenizer::from_bytes(&saved[hub::TOKENIZER]).unwrap();
        let encoding = tokenizer.encode("a<e><f>A", true).unwrap();
        assert_eq!(encoding.get_ids(), [2, 5, 6, 7, 1, 3]);
        let named = r#""unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
            "mask_token": "[MASK]""#;
        let expect = format!(
            r#"{{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 48, "do_lower_case": false,
                "strip_accents": null, "tokenize_chinese_chars": true, {named},
                "additional_special_tokens": ["<f>"]}}"#
        );
        check(&files, &expect);
        let map: Value = serde_json::from_slice(&saved[hub::SPECIAL_TOKENS]).unwrap();
        assert_eq!(map, serde_json::from_str::<Value>(&format!("{{{named}}}")).unwrap());
    }

    #[test]
    fn a_changed_tokenizer_keeps_the_exact_text_of_its_scores() {
        let files = [(hub::TOKENIZER, UNIGRAM), (hub::ADDED_TOKENS, r#"{"<e>": 5}"#)];
        let text = String::from_utf8(saved(&files)[hub::TOKENIZER].clone()).unwrap();
        assert!(text.contains("-2.1234567890123457") && text.contains("<e>"), "{text}");
    }

    #[test]
    fn the_length_is_at_most_that_of_the_model() {
        let length = |told: &str| {
            let files = [(hub::VOCAB, VOCAB), (hub::TOKENIZER_CONFIG, told)];
            let written: Value = serde_json::from_slice(&saved(&files)[hub::TOKENIZER_CONFIG]).unwrap();
            written["model_max_length"].as_u64()
        };
        assert_eq!(length("{}"), Some(64));
        assert_eq!(length(r#"{"model_max_length": 1e30}"#), Some(64));
        assert_eq!(length(r#"{"model_max_length": 300}"#), Some(64));
        assert_eq!(length(r#"{"model_max_length": 48}"#), Some(48));
    }
}
