//! A tokenizer as its files describe it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Error, Result, bail};
use serde::Deserialize;
use shared::fault::Fault;
use shared::layout::hub;
use tokenizers::Tokenizer;

use crate::model_files::TokenizerConfig;
use crate::wordpiece;

/// What `tokenizer.json` or `vocab.txt` say.
pub(crate) struct Source {
    pub(crate) tokenizer: Tokenizer,
    pub(crate) unknown_token_id: Option<u32>,
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
    pub(crate) fn read(folder: &Path, config: &TokenizerConfig) -> Result<Source> {
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
    pub(crate) fn pad_token_id(&self, config: &TokenizerConfig) -> Option<u32> {
        let named = config.pad_token.as_ref().map(|token| token.as_str());
        let id = |token: &str| self.tokenizer.token_to_id(token);
        named
            .and_then(id)
            .or_else(|| self.tokenizer.get_padding().map(|padding| padding.pad_id))
            .or_else(|| ["[PAD]", "<pad>"].into_iter().find_map(id))
    }
    /// The token for what is masked, by its name in `config` or, where that is in no vocabulary, in BERT's or XLM-R's.
    pub(crate) fn mask_token_id(&self, config: &TokenizerConfig) -> Option<u32> {
        let names = [config.mask_token.as_str(), "[MASK]", "<mask>"];
        names.into_iter().find_map(|token| self.tokenizer.token_to_id(token))
    }
}
