//! A model's tokenizer with the length limits of the model and the run.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Error, Result, bail, ensure};
use shared::fault::Fault;
use shared::tokens::{Piece, WordStarts};

use crate::files::TokenizerFiles;
use crate::frame::Frame;
use crate::loaded::LoadedTokenizer;
use crate::model_config::ModelConfig;
use crate::pieces::pieces;
use crate::session::Session;
use crate::words::{Scratch, WordEncoder};

/// A tokenizer that truncates at the run's `max_seq_length` and never pads. Several threads may use it at once, each
/// through its own [`Session`].
pub struct BoundedTokenizer {
    /// The library's tokenizer, for texts that `by_words` cannot encode. It neither truncates nor pads.
    pub(crate) hugging_face: tokenizers::Tokenizer,
    by_words: Option<WordEncoder>,
    pub(crate) frame: Frame<1>,
    pub(crate) frame_of_pair: Frame<2>,
    max_seq_length: usize,
    pad_token_id: u32,
    pub(crate) unknown_token_id: Option<u32>,
    pub(crate) mask_token_id: Option<u32>,
    /// The number of ids that have an embedding in the model.
    pub(crate) vocab_size: u32,
}

impl BoundedTokenizer {
    /// Reads the tokenizer of the model in `folder`: `tokenizer.json` if there is one, else BERT's WordPiece from
    /// `vocab.txt`. The configuration files beside it are applied.
    ///
    /// # Errors
    /// A [`Fault::usage`] where the model cannot take `max_seq_length` tokens, a [`Fault::input`] where the
    /// folder has no usable tokenizer.
    pub fn load(folder: &Path, max_seq_length: usize) -> Result<BoundedTokenizer> {
        let model = ModelConfig::read(folder)?;
        model.check_length(max_seq_length)?;
        let in_folder = || format!("the tokenizer in {}", folder.display());
        let loaded = LoadedTokenizer::read(&TokenizerFiles::in_folder(folder)).with_context(in_folder)?;
        loaded.log_notes();
        let pad_token_id = pad_token_id(&loaded, &model, folder)?;
        let mask_token_id = loaded.mask_token_id().filter(|&id| id < model.vocab_size);
        let LoadedTokenizer { tokenizer: hugging_face, unknown_token_id, .. } = loaded;
        let around_texts = || {
            let path = folder.display();
            Fault::input(format!(
                "the tokenizer in {path} does not put its special tokens around texts, as BERT's does"
            ))
        };
        let bounded = BoundedTokenizer {
            by_words: WordEncoder::of(&hugging_face, unknown_token_id),
            frame: Frame::of(&hugging_face, model.type_vocab_size).with_context(around_texts)?,
            frame_of_pair: Frame::of(&hugging_face, model.type_vocab_size).with_context(around_texts)?,
            hugging_face,
            max_seq_length,
            pad_token_id,
            unknown_token_id,
            mask_token_id,
            vocab_size: model.vocab_size,
        };
        bounded.check_frames()?;
        Ok(bounded)
    }

    /// Creates a session for one thread; its buffers start empty.
    pub fn session(&self) -> Session<'_> {
        Session::new(self)
    }

    /// The maximum length of a sequence, special tokens included.
    pub fn max_seq_length(&self) -> usize {
        self.max_seq_length
    }

    /// The id of the padding token.
    pub fn pad_token_id(&self) -> u32 {
        self.pad_token_id
    }

    /// The id of the mask token; none where the model has no such token.
    pub fn mask_token_id(&self) -> Option<u32> {
        self.mask_token_id
    }

    /// The sorted ids of the special tokens: those around one or two texts, padding, unknown and mask, as in
    /// `all_special_ids` of `transformers`.
    pub fn special_token_ids(&self) -> Vec<u32> {
        let around = self.frame.special().chain(self.frame_of_pair.special());
        let others = [Some(self.pad_token_id), self.unknown_token_id, self.mask_token_id];
        around.chain(others.into_iter().flatten()).collect::<BTreeSet<u32>>().into_iter().collect()
    }

    /// The ids of `text` without special tokens. Where there are more than `limit`, the result may be cut after more than
    /// `limit` of them.
    pub(crate) fn ids(&self, text: &str, limit: usize, scratch: &mut Scratch) -> Result<Vec<u32>> {
        if let Some(ids) = self.ids_by_words(text, limit, scratch) {
            return Ok(ids);
        }
        let encoding = self.hugging_face.encode_fast(text, false).map_err(Error::from_boxed)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The ids as [`BoundedTokenizer::ids`] has them; none where the library must encode the whole text.
    pub(crate) fn ids_by_words(&self, text: &str, limit: usize, scratch: &mut Scratch) -> Option<Vec<u32>> {
        self.by_words.as_ref()?.encode(&self.hugging_face, text, limit, scratch)
    }

    /// All tokens of `text` with their character offsets.
    pub(crate) fn pieces(&self, text: &str) -> Result<Vec<Piece>> {
        let encoding = self.hugging_face.encode_char_offsets(text, false).map_err(Error::from_boxed)?;
        self.check_ids(encoding.get_ids())?;
        pieces(text, &encoding)
    }

    /// All tokens of `text`, and for each whether it begins a word.
    pub(crate) fn word_starts(&self, text: &str, scratch: &mut Scratch) -> Result<WordStarts> {
        let by_words = self.by_words.as_ref();
        if let Some(starts) = by_words.and_then(|words| words.word_starts(&self.hugging_face, text, scratch))
        {
            self.check_ids(&starts.ids)?;
            return Ok(starts);
        }
        let pieces = self.pieces(text)?;
        let (ids, begins_word) = pieces.iter().map(|piece| (piece.id, piece.begins_word)).unzip();
        Ok(WordStarts { ids, begins_word })
    }

    /// Checks that the model has an embedding for every id.
    ///
    /// # Errors
    /// A [`Fault::input`] where an id is not below the model's `vocab_size`.
    pub(crate) fn check_ids(&self, ids: &[u32]) -> Result<()> {
        if let Some(id) = ids.iter().find(|&&id| id >= self.vocab_size) {
            bail!(Fault::input(format!(
                "the tokenizer gives the id {id}, and the model's vocab_size is {}; tokenizer and config.json \
                 must come from the same model",
                self.vocab_size
            )));
        }
        Ok(())
    }

    fn check_frames(&self) -> Result<()> {
        let (length, special) = (self.max_seq_length, self.frame.len());
        ensure!(
            special < length,
            Fault::usage(format!(
                "a row has {length} tokens, and the tokenizer adds {special} special ones, which leaves none for a text; set \
                 config key `tokenize.max_seq_length` higher, or take a model with more positions"
            ))
        );
        let ids: Vec<u32> = self.frame.special().chain(self.frame_of_pair.special()).collect();
        self.check_ids(&ids)
    }
}

/// The padding token of the tokenizer, else that of the model.
///
/// # Errors
/// A [`Fault::input`] where there is none, or the model has no embedding for it.
fn pad_token_id(loaded: &LoadedTokenizer, model: &ModelConfig, folder: &Path) -> Result<u32> {
    let id = loaded.pad_token_id().or(model.pad_token_id).with_context(|| {
        Fault::input(format!("neither the tokenizer nor config.json in {} has a pad token", folder.display()))
    })?;
    ensure!(
        id < model.vocab_size,
        Fault::input(format!("the pad token in {} is beyond the model's vocab_size", folder.display()))
    );
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Model;
    use shared::fault::kind_of;
    use shared::layout::hub;
    use shared::tokens::Tokenizer as _;
    use tokenizers::utils::truncation::TruncationParams;

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
        assert_eq!(tokenizer.session().encode(text).unwrap().ids, expect);
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
            assert_eq!(tokenizer.session().unknown_token_id(), Some(1));
        }
    }

    #[test]
    fn the_mask_token_is_known() {
        let mask =
            |model: &Model| BoundedTokenizer::load(model.path(), 16).unwrap().session().mask_token_id();
        let model = Model::word_piece();
        assert_eq!(mask(&model), Some(4));
        model.write(hub::SPECIAL_TOKENS, r#"{"mask_token": {"content": "good"}}"#);
        assert_eq!(mask(&model), Some(9));
        model.write(hub::TOKENIZER_CONFIG, r#"{"mask_token": "美"}"#);
        assert_eq!(mask(&model), Some(9));
        model.write(hub::TOKENIZER_CONFIG, r#"{"mask_token": "美", "added_tokens_decoder": {}}"#);
        assert_eq!(mask(&model), Some(10));
        let xlm_r = Model::unigram(|_| ());
        let id = BoundedTokenizer::load(xlm_r.path(), 16).unwrap().hugging_face.token_to_id("<mask>");
        assert_eq!(mask(&xlm_r), id);
        assert!(id.is_some());
        let last = id.unwrap();
        assert!(BoundedTokenizer::load(xlm_r.path(), 16).unwrap().special_token_ids().contains(&last));
        let smaller = format!(r#"{{"vocab_size": {last}, "max_position_embeddings": 512}}"#);
        xlm_r.write(hub::CONFIG, &smaller);
        assert_eq!(mask(&xlm_r), None);
    }

    #[test]
    fn special_tokens_match_transformers() {
        let model = Model::word_piece();
        let ids = || BoundedTokenizer::load(model.path(), 16).unwrap().special_token_ids();
        assert_eq!(ids(), [0, 1, 2, 3, 4]);
        model.write(hub::TOKENIZER_CONFIG, r#"{"mask_token": "美"}"#);
        assert_eq!(ids(), [0, 1, 2, 3, 10]);
    }

    #[test]
    fn the_tokenizers_pad_token_overrides_the_models() {
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
        check_refused(&Model::word_piece(), 2, 2, &["2 special ones"]);
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
        let error = tokenizer.session().encode("좋다").unwrap_err();
        assert_eq!(kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains("the id 7"), "{error:#}");
    }
}
