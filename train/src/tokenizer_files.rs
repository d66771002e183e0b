//! The tokenizer beside a saved model, such that `AutoTokenizer` builds the one that made the features.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};
use shared::fault::Fault;
use shared::layout::hub;

/// The class of `transformers` that takes `tokenizer.json` as it is.
const FAST: &str = "PreTrainedTokenizerFast";

/// Copies the tokenizer of the model in `from` into `to`, and completes its configuration for a model that takes
/// `positions` tokens.
///
/// # Errors
/// A [`Fault::input`] where there is none, or a file of it is no JSON.
pub(crate) fn install(from: &Path, to: &Path, positions: usize) -> Result<()> {
    let any = [hub::TOKENIZER, hub::VOCAB].iter().any(|name| from.join(name).is_file());
    ensure!(any, Fault::input(format!("{} has no tokenizer", from.display())));
    for name in [hub::TOKENIZER, hub::SPECIAL_TOKENS, hub::VOCAB] {
        let source = from.join(name);
        if source.is_file() {
            fs::copy(&source, to.join(name)).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    let mut config: Map<String, Value> = read(&from.join(hub::TOKENIZER_CONFIG))?.unwrap_or_default();
    limit(&mut config, positions);
    let tokenizer: Option<TokenizerFile> = read(&from.join(hub::TOKENIZER))?;
    if let (Some(tokenizer), None) = (tokenizer, text(&config, "tokenizer_class")) {
        let named: Map<String, Value> = read(&from.join(hub::SPECIAL_TOKENS))?.unwrap_or_default();
        complete(&mut config, &named, &tokenizer);
    }
    let path = to.join(hub::TOKENIZER_CONFIG);
    let mut bytes = serde_json::to_vec_pretty(&config)?;
    bytes.push(b'\n');
    fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// `transformers` writes an absurd number where it knows no limit.
fn limit(config: &mut Map<String, Value>, positions: usize) {
    const KEY: &str = "model_max_length";
    let fits = config.get(KEY).and_then(Value::as_u64).is_some_and(|length| length <= positions as u64);
    if !fits {
        config.insert(KEY.into(), positions.into());
    }
}

/// Without a class, `AutoTokenizer` takes that of the model's type, which rewrites a `tokenizer.json`: BERT's adds
/// special tokens of its own and lower-cases. `named` are special tokens that another file names.
fn complete(config: &mut Map<String, Value>, named: &Map<String, Value>, tokenizer: &TokenizerFile) {
    config.insert("tokenizer_class".into(), FAST.into());
    for (key, token) in tokenizer.special_tokens() {
        let known = [&*config, named].iter().any(|keys| keys.get(key).is_some_and(|value| !value.is_null()));
        if let (false, Some(token)) = (known, token) {
            config.insert(key.into(), token.into());
        }
    }
}

fn text<'a>(config: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    config.get(key).and_then(Value::as_str)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let unknown = || Fault::input(format!("{} is not what a tokenizer has there", path.display()));
    serde_json::from_slice(&bytes).map(Some).with_context(unknown)
}

/// The parts of `tokenizer.json` that tell special tokens.
#[derive(Deserialize)]
struct TokenizerFile {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    post_processor: Option<PostProcessor>,
    padding: Option<Padding>,
    model: Unknown,
}

#[derive(Deserialize)]
struct AddedToken {
    id: usize,
    content: String,
    special: bool,
}

#[derive(Deserialize)]
struct Padding {
    pad_token: String,
}

/// A Unigram model has the id, the others have the token.
#[derive(Deserialize)]
struct Unknown {
    unk_id: Option<usize>,
    unk_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PostProcessor {
    TemplateProcessing {
        single: Vec<Piece>,
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
enum Piece {
    SpecialToken { id: String },
    Sequence(IgnoredAny),
}

impl PostProcessor {
    /// What stands before a text and what stands after it.
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

fn special(piece: Option<&Piece>) -> Option<&str> {
    match piece {
        Some(Piece::SpecialToken { id }) => Some(id),
        Some(Piece::Sequence(_)) | None => None,
    }
}

impl TokenizerFile {
    /// By `transformers`' key. A token that the tokenizer does not hold for special is none: naming it would make
    /// it one, and texts that have it would be split elsewhere.
    fn special_tokens(&self) -> [(&'static str, Option<&str>); 5] {
        let added = || self.added_tokens.iter().filter(|token| token.special);
        let content = |name: &str| added().find(|token| token.content == name).map(|token| &*token.content);
        let either = |names: [&str; 2]| names.into_iter().find_map(content);
        let around = self.post_processor.as_ref().map(PostProcessor::around);
        let (before, after) = around.unwrap_or_default();
        let by_id = |id| added().find(|token| token.id == id).map(|token| &*token.content);
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

    const UNIGRAM: &str = r#"{
        "added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "<pad>", "special": true},
            {"id": 2, "content": "</s>", "special": true}, {"id": 3, "content": "<unk>", "special": true},
            {"id": 4, "content": "<mask>", "special": false}],
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}]},
        "padding": null, "model": {"type": "Unigram", "unk_id": 3}}"#;

    const WORDPIECE: &str = r#"{
        "added_tokens": [{"id": 0, "content": "[PAD]", "special": true}, {"id": 1, "content": "[UNK]", "special": true},
            {"id": 2, "content": "[CLS]", "special": true}, {"id": 3, "content": "[SEP]", "special": true}],
        "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"},
            {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}]},
        "model": {"type": "WordPiece", "unk_token": "[UNK]"}}"#;

    /// The configuration that is installed beside these files, for a model of 64 positions.
    fn check(files: &[(&str, &str)], expect: &str) {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| fs::write(from.path().join(name), text).unwrap());
        install(from.path(), to.path(), 64).unwrap();
        for (name, text) in files.iter().filter(|(name, _)| *name != hub::TOKENIZER_CONFIG) {
            assert_eq!(fs::read_to_string(to.path().join(name)).unwrap(), *text);
        }
        let written = read::<Value>(&to.path().join(hub::TOKENIZER_CONFIG)).unwrap();
        assert_eq!(written, Some(serde_json::from_str(expect).unwrap()));
    }

    #[test]
    fn a_tokenizer_without_a_class_is_taken_as_it_is() {
        check(
            &[(hub::TOKENIZER, UNIGRAM)],
            r#"{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, "unk_token": "<unk>",
                "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}"#,
        );
        check(
            &[(hub::TOKENIZER, WORDPIECE), (hub::SPECIAL_TOKENS, r#"{"unk_token": {"content": "[UNK]"}}"#)],
            r#"{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, "cls_token": "[CLS]",
                "sep_token": "[SEP]", "pad_token": "[PAD]"}"#,
        );
    }

    #[test]
    fn what_is_told_stays() {
        let told = r#"{"tokenizer_class": "BertTokenizer", "model_max_length": 48, "do_lower_case": false}"#;
        check(&[(hub::TOKENIZER, WORDPIECE), (hub::TOKENIZER_CONFIG, told)], told);
    }

    #[test]
    fn the_length_is_that_of_the_model() {
        let (vocab, limited) = ((hub::VOCAB, "[UNK]\n"), r#"{"model_max_length": 64}"#);
        check(&[vocab], limited);
        check(&[vocab, (hub::TOKENIZER_CONFIG, r#"{"model_max_length": 1e30}"#)], limited);
        check(&[vocab, (hub::TOKENIZER_CONFIG, r#"{"model_max_length": 300}"#)], limited);
    }
}
