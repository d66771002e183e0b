//! A model's tokenizer, bound to the limits of the model.

use std::fs;
use std::path::Path;

use anyhow::{Context, Error, Result, bail, ensure};
use serde::Deserialize;
use shared::fault::Fault;
use shared::layout::hub;
use tokenizers::utils::truncation::TruncationParams;
use tokenizers::{PostProcessor, Tokenizer};

use crate::model_files::{ModelConfig, TokenizerConfig};
use crate::wordpiece;

/// A tokenizer that truncates at the run's `max_seq_length` and never pads.
pub(crate) struct BoundedTokenizer {
    tokenizer: Tokenizer,
    max_seq_length: usize,
    pad_token_id: u32,
    unknown_token_id: Option<u32>,
    /// Ids that the model has embeddings for.
    vocab_size: u32,
}

impl BoundedTokenizer {
    /// Reads the tokenizer of the model in `folder`: `tokenizer.json` where there is one, else BERT's WordPiece
    /// from `vocab.txt`.
    ///
    /// # Errors
    /// A [`Fault::usage`] where the model cannot take `max_seq_length` tokens, a [`Fault::input`] where the
    /// folder has no usable tokenizer.
    pub(crate) fn load(folder: &Path, max_seq_length: usize) -> Result<BoundedTokenizer> {
        let model = ModelConfig::read(folder)?;
        model.check_length(max_seq_length)?;
        let config = TokenizerConfig::read(folder)?;
        let source = Source::read(folder, &config)?;
        let pad_token_id = source.pad_token_id(&config).or(model.pad_token_id).with_context(|| {
            Fault::input(format!(
                "neither the tokenizer nor config.json in {} has a pad token",
                folder.display()
            ))
        })?;
        ensure!(
            pad_token_id < model.vocab_size,
            Fault::input(format!("the pad token in {} is beyond the model's vocab_size", folder.display()))
        );
        Ok(BoundedTokenizer {
            unknown_token_id: source.unknown_token_id,
            tokenizer: bound(source.tokenizer, max_seq_length)?,
            max_seq_length,
            pad_token_id,
            vocab_size: model.vocab_size,
        })
    }

    pub(crate) fn max_seq_length(&self) -> usize {
        self.max_seq_length
    }

    pub(crate) fn pad_token_id(&self) -> u32 {
        self.pad_token_id
    }

    pub(crate) fn unknown_token_id(&self) -> Option<u32> {
        self.unknown_token_id
    }

    /// Encodes `text` with special tokens, truncated.
    ///
    /// # Errors
    /// A [`Fault::input`] where an id lies beyond the model's vocabulary.
    pub(crate) fn encode(&self, text: &str) -> Result<tokenizers::Encoding> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(Error::from_boxed)?;
        if let Some(id) = encoding.get_ids().iter().find(|&&id| id >= self.vocab_size) {
            bail!(Fault::input(format!(
                "the tokenizer gives the id {id}, and the model's vocab_size is {}; tokenizer and config.json \
                 must come from the same model",
                self.vocab_size
            )));
        }
        Ok(encoding)
    }
}

/// Puts this run's truncation in the place of whatever `tokenizer.json` has stored.
fn bound(mut tokenizer: Tokenizer, max_seq_length: usize) -> Result<Tokenizer> {
    let special = tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
    ensure!(
        special < max_seq_length,
        Fault::usage(format!(
            "config key `tokenize.max_seq_length` is {max_seq_length}, and the tokenizer adds {special} special \
             tokens; set it higher"
        ))
    );
    let truncation = TruncationParams { max_length: max_seq_length, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(Error::from_boxed)?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

/// A tokenizer as its files describe it.
struct Source {
    tokenizer: Tokenizer,
    unknown_token_id: Option<u32>,
}

/// The key of `tokenizer.json` that the library does not tell.
#[derive(Deserialize)]
struct TokenizerFile {
    model: UnknownToken,
}

/// A Unigram model has the id, the others have the token.
#[derive(Deserialize)]
struct UnknownToken {
    unk_id: Option<u32>,
    unk_token: Option<String>,
}

impl Source {
    fn read(folder: &Path, config: &TokenizerConfig) -> Result<Source> {
        let (json, vocab) = (folder.join(hub::TOKENIZER), folder.join(hub::VOCAB));
        if json.is_file() {
            Source::from_json(&json)
        } else if vocab.is_file() {
            let tokenizer = wordpiece::from_vocab(&vocab, config)?;
            let unknown_token_id = tokenizer.token_to_id(config.unk_token.as_str());
            Ok(Source { tokenizer, unknown_token_id })
        } else {
            bail!(Fault::input(format!(
                "the model in {} has neither {} nor {}; name a model in `fetch.model` that has one of them",
                folder.display(),
                hub::TOKENIZER,
                hub::VOCAB
            )))
        }
    }

    fn from_json(path: &Path) -> Result<Source> {
        let damaged = || Fault::input(format!("{} is not a readable tokenizer", path.display()));
        let bytes = fs::read(path).with_context(damaged)?;
        let tokenizer = Tokenizer::from_bytes(&bytes).map_err(Error::from_boxed).with_context(damaged)?;
        let UnknownToken { unk_id, unk_token } =
            serde_json::from_slice::<TokenizerFile>(&bytes).with_context(damaged)?.model;
        let unknown_token_id = unk_id.or_else(|| unk_token.and_then(|token| tokenizer.token_to_id(&token)));
        Ok(Source { tokenizer, unknown_token_id })
    }

    /// The tokenizer's own pad token. It stands above the model's `pad_token_id`, which some models on the Hub
    /// have wrong (`intfloat/multilingual-e5-small`), and `transformers` pads with it too.
    fn pad_token_id(&self, config: &TokenizerConfig) -> Option<u32> {
        let named = config.pad_token.as_ref().map(|token| token.as_str());
        let id = |token: &str| self.tokenizer.token_to_id(token);
        named
            .and_then(id)
            .or_else(|| self.tokenizer.get_padding().map(|padding| padding.pad_id))
            .or_else(|| ["[PAD]", "<pad>"].into_iter().find_map(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Model;
    use shared::fault::kind_of;

    fn check_refused(model: &Model, max_seq_length: usize, code: u8, parts: &[&str]) {
        let Err(error) = BoundedTokenizer::load(model.path(), max_seq_length) else {
            panic!("it was accepted")
        };
        let message = format!("{error:#}");
        assert_eq!(kind_of(&error).code(), code, "{message}");
        parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
    }

    fn check_ids(model: &Model, max_seq_length: usize, text: &str, expect: &[u32]) {
        let tokenizer = BoundedTokenizer::load(model.path(), max_seq_length).unwrap();
        assert_eq!(tokenizer.encode(text).unwrap().get_ids(), expect);
    }

    #[test]
    fn truncation_leaves_room_for_the_special_tokens() {
        check_ids(&Model::word_piece(), 16, "좋다 좋다 좋다", &[2, 7, 7, 7, 3]);
        check_ids(&Model::word_piece(), 4, "좋다 좋다 좋다", &[2, 7, 7, 3]);
        check_ids(&Model::word_piece(), 4, "", &[2, 3]);
    }

    #[test]
    fn stored_padding_and_truncation_are_replaced() {
        let stored = Model::tokenizer_json(|tokenizer| {
            let truncation = TruncationParams { max_length: 3, ..TruncationParams::default() };
            tokenizer.with_truncation(Some(truncation)).unwrap();
            tokenizer.with_padding(Some(tokenizers::PaddingParams {
                strategy: tokenizers::PaddingStrategy::Fixed(12),
                ..Default::default()
            }));
        });
        check_ids(&stored, 16, "좋다 좋다 좋다", &[2, 7, 7, 7, 3]);
    }

    #[test]
    fn the_unknown_token_is_known() {
        for model in [Model::word_piece(), Model::tokenizer_json(|_| ())] {
            let tokenizer = BoundedTokenizer::load(model.path(), 16).unwrap();
            assert_eq!(tokenizer.unknown_token_id(), Some(1));
        }
    }

    #[test]
    fn the_tokenizers_pad_token_stands_above_the_models() {
        let model = Model::word_piece();
        let pad = |model: &Model| BoundedTokenizer::load(model.path(), 16).unwrap().pad_token_id();
        model.write(hub::CONFIG, r#"{"vocab_size": 12, "max_position_embeddings": 16, "pad_token_id": 5}"#);
        assert_eq!(pad(&model), 0);
        model.write(hub::TOKENIZER_CONFIG, r#"{"pad_token": "[MASK]"}"#);
        assert_eq!(pad(&model), 4);
    }

    #[test]
    fn a_length_beyond_the_models_positions_is_refused() {
        let parts = ["`tokenize.max_seq_length`", "17", "16"];
        check_refused(&Model::word_piece(), 17, 2, &parts);
        check_refused(&Model::word_piece(), 2, 2, &["2 special tokens"]);
    }

    #[test]
    fn a_folder_without_a_tokenizer_is_refused() {
        let model = Model::word_piece();
        model.remove(hub::VOCAB);
        check_refused(&model, 16, 3, &[&model.path().display().to_string(), "vocab.txt", "tokenizer.json"]);
        model.write(hub::TOKENIZER, "{");
        check_refused(&model, 16, 3, &["tokenizer.json", "not a readable tokenizer"]);
        model.remove(hub::CONFIG);
        check_refused(&model, 16, 3, &["config.json"]);
    }

    #[test]
    fn an_id_beyond_the_models_vocabulary_is_refused() {
        let model = Model::word_piece();
        model.write(hub::CONFIG, r#"{"vocab_size": 7, "max_position_embeddings": 16}"#);
        let tokenizer = BoundedTokenizer::load(model.path(), 16).unwrap();
        let error = tokenizer.encode("좋다").unwrap_err();
        assert_eq!(kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains("the id 7"), "{error:#}");
    }
}
