//! A model's tokenizer, bound to the limits of the model.

use std::path::Path;

use anyhow::{Context, Error, Result, bail, ensure};
use shared::fault::Fault;
use tokenizers::utils::truncation::TruncationParams;
use tokenizers::{PostProcessor, Tokenizer};

use crate::frame::Frame;
use crate::model_files::{ModelConfig, TokenizerConfig};
use crate::source::Source;
use crate::words::{Scratch, WordEncoder};

/// A tokenizer that truncates at the run's `max_seq_length` and never pads.
pub(crate) struct BoundedTokenizer {
    /// The reference, for every text that `by_words` does not take.
    tokenizer: Tokenizer,
    by_words: Option<(WordEncoder, Frame)>,
    max_seq_length: usize,
    pad_token_id: u32,
    unknown_token_id: Option<u32>,
    /// Ids that the model has embeddings for.
    vocab_size: u32,
}

/// A text with special tokens, truncated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<u32>,
    /// As long as `ids`.
    pub(crate) type_ids: Vec<u32>,
    /// Of `ids`, the tokens of the text itself.
    pub(crate) pieces: usize,
    pub(crate) truncated: bool,
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
        let Source { mut tokenizer, unknown_token_id } = source;
        unbind(&mut tokenizer)?;
        Ok(BoundedTokenizer {
            by_words: WordEncoder::of(&tokenizer, unknown_token_id).zip(Frame::of(&tokenizer)),
            tokenizer: bound(tokenizer, max_seq_length)?,
            max_seq_length,
            pad_token_id,
            unknown_token_id,
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
    pub(crate) fn encode(&self, text: &str, scratch: &mut Scratch) -> Result<Tokens> {
        let tokens = match self.encode_by_words(text, scratch) {
            Some(tokens) => tokens,
            None => self.encode_by_library(text)?,
        };
        if let Some(id) = tokens.ids.iter().find(|&&id| id >= self.vocab_size) {
            bail!(Fault::input(format!(
                "the tokenizer gives the id {id}, and the model's vocab_size is {}; tokenizer and config.json \
                 must come from the same model",
                self.vocab_size
            )));
        }
        Ok(tokens)
    }

    pub(crate) fn encode_by_words(&self, text: &str, scratch: &mut Scratch) -> Option<Tokens> {
        let (words, frame) = self.by_words.as_ref()?;
        let room = self.max_seq_length - frame.len();
        let mut of_text = words.encode(&self.tokenizer, text, room, scratch)?;
        let truncated = of_text.len() > room;
        of_text.truncate(room);
        let (ids, type_ids) = frame.around(&of_text);
        Some(Tokens { ids, type_ids, pieces: of_text.len(), truncated })
    }

    pub(crate) fn encode_by_library(&self, text: &str) -> Result<Tokens> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(Error::from_boxed)?;
        Ok(Tokens {
            ids: encoding.get_ids().to_vec(),
            type_ids: encoding.get_type_ids().to_vec(),
            pieces: encoding.get_special_tokens_mask().iter().filter(|&&special| special == 0).count(),
            truncated: !encoding.get_overflowing().is_empty(),
        })
    }
}

/// Takes away whatever `tokenizer.json` has stored of lengths.
fn unbind(tokenizer: &mut Tokenizer) -> Result<()> {
    tokenizer.with_truncation(None).map_err(Error::from_boxed)?;
    tokenizer.with_padding(None);
    Ok(())
}

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
    Ok(tokenizer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Model;
    use shared::fault::kind_of;
    use shared::layout::hub;

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
        assert_eq!(tokenizer.encode(text, &mut Scratch::default()).unwrap().ids, expect);
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
        let error = tokenizer.encode("좋다", &mut Scratch::default()).unwrap_err();
        assert_eq!(kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains("the id 7"), "{error:#}");
    }
}
