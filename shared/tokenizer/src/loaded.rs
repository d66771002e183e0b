//! Builds a tokenizer from a model's files as `AutoTokenizer` of `transformers` does.

use std::fs;
use std::path::Path;

use anyhow::{Context, Error, Result, bail, ensure};
use serde::Deserialize;
use shared::fault::Fault;
use shared::layout::hub;
use tokenizers::models::ModelWrapper;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::utils::padding::{PaddingDirection, PaddingParams};
use tokenizers::utils::truncation::TruncationDirection;
use tokenizers::{AddedToken, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

use crate::class::TokenizerClass;
use crate::files::TokenizerFiles;
use crate::frame::Frame;
use crate::scores;
use crate::settings::{NormalizerOptions, Settings, Side, Sides};
use crate::wordpiece;

/// The tokenizer that a model's files describe.
pub(crate) struct LoadedTokenizer {
    pub(crate) tokenizer: Tokenizer,
    pub(crate) unknown_token_id: Option<u32>,
    pub(crate) settings: Settings,
    pub(crate) built_from: BuiltFrom,
    /// Warnings for the user about files that override each other.
    notes: Vec<String>,
    /// The padding stored in `tokenizer.json`. It is removed from `tokenizer`, which neither pads nor truncates.
    padding: Option<PaddingParams>,
    sides: Sides,
}

/// The file that defines the tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuiltFrom {
    /// `tokenizer.json` alone.
    TokenizerJson,
    /// `tokenizer.json` with changes by the files beside it.
    ChangedTokenizerJson,
    /// `vocab.txt` with the files beside it.
    Vocabulary,
}

/// The key of `tokenizer.json` to which the library gives no access.
#[derive(Deserialize)]
struct TokenizerFile {
    model: UnknownToken,
}

/// The unknown token: its id in a Unigram model, its text in the others.
#[derive(Deserialize)]
struct UnknownToken {
    unk_id: Option<u32>,
    unk_token: Option<String>,
}

impl LoadedTokenizer {
    /// Builds the tokenizer of `files`.
    ///
    /// # Errors
    /// A [`Fault::input`] where there is no usable tokenizer, or `transformers` builds it by rules that are not supported.
    pub(crate) fn read(files: &TokenizerFiles) -> Result<LoadedTokenizer> {
        let settings = Settings::read(files)?;
        let loaded = match (files.path(hub::TOKENIZER), files.path(hub::VOCAB)) {
            (Some(json), _) => LoadedTokenizer::from_json(json, settings)?,
            (None, Some(vocab)) => LoadedTokenizer::from_vocab(vocab, settings)?,
            (None, None) => bail!(Fault::input(format!(
                "the model has neither {} nor {}; name a model that has one of them",
                hub::TOKENIZER,
                hub::VOCAB
            ))),
        };
        loaded.settings.check_sides(loaded.sides)?;
        loaded.check_frame()?;
        Ok(loaded)
    }

    fn from_json(path: &Path, mut settings: Settings) -> Result<LoadedTokenizer> {
        let damaged = || Fault::input(format!("{} is not a readable tokenizer", path.display()));
        let bytes = fs::read(path).with_context(damaged)?;
        let mut tokenizer = Tokenizer::from_bytes(&bytes).map_err(Error::from_boxed).with_context(damaged)?;
        let UnknownToken { unk_id, unk_token } =
            serde_json::from_slice::<TokenizerFile>(&bytes).with_context(damaged)?.model;
        scores::read_inexactly(&mut tokenizer, unk_id).with_context(damaged)?;
        let (padding, sides) = (tokenizer.get_padding().cloned(), sides(&tokenizer));
        remove_limits(&mut tokenizer)?;
        let class = class_of(&settings, &tokenizer);
        class.check_model(tokenizer.get_model())?;
        settings.add_default_tokens(class);
        let mut notes = Vec::new();
        if class == TokenizerClass::Bert {
            check_unknown(&settings, unk_token.as_deref())?;
            notes.extend(set_normalizer(&mut tokenizer, settings.normalizer)?);
        }
        let added = add_tokens(&mut tokenizer, &settings)?;
        if class == TokenizerClass::Bert {
            notes.extend(add_bert_frame(&mut tokenizer, &settings)?);
        }
        check_prefix_space(&tokenizer, settings.add_prefix_space)?;
        let unknown_token_id = unk_id.or_else(|| unk_token.and_then(|token| tokenizer.token_to_id(&token)));
        let built_from = if added || !notes.is_empty() {
            BuiltFrom::ChangedTokenizerJson
        } else {
            BuiltFrom::TokenizerJson
        };
        Ok(LoadedTokenizer { tokenizer, unknown_token_id, settings, built_from, notes, padding, sides })
    }

    fn from_vocab(path: &Path, mut settings: Settings) -> Result<LoadedTokenizer> {
        let class = settings.class.unwrap_or(TokenizerClass::Bert);
        ensure!(
            class == TokenizerClass::Bert,
            Fault::input(format!(
                "`tokenizer_class` is that of a tokenizer stored in {}, and the model has only {}; fetch a model \
                 that has the file",
                hub::TOKENIZER,
                hub::VOCAB
            ))
        );
        settings.add_default_tokens(class);
        let mut tokenizer = wordpiece::from_vocab(path, &settings)?;
        add_tokens(&mut tokenizer, &settings)?;
        let unknown_token_id = settings.named("unk_token").and_then(|token| tokenizer.token_to_id(token));
        let built_from = BuiltFrom::Vocabulary;
        let (notes, padding, sides) = (Vec::new(), None, Sides::default());
        Ok(LoadedTokenizer { tokenizer, unknown_token_id, settings, built_from, notes, padding, sides })
    }

    /// Logs a warning for every file that overrides `tokenizer.json`.
    pub(crate) fn log_notes(&self) {
        self.notes.iter().for_each(|note| log::warn!("{note}"));
    }

    /// Checks that special tokens surround a text. Without them an encoder has no token to classify by, and no tokens at
    /// all for an empty text.
    fn check_frame(&self) -> Result<()> {
        // The number of token types does not change the number of special tokens.
        let special = Frame::<1>::of(&self.tokenizer, 1).map(|frame| frame.len());
        ensure!(
            special.is_some_and(|special| special > 0),
            Fault::input(format!(
                "the `post_processor` of {} puts no special tokens around a text, as an encoder needs them; give it a \
                 TemplateProcessing with those that the model was trained with",
                hub::TOKENIZER
            ))
        );
        Ok(())
    }

    /// The id of the tokenizer's own padding token. It overrides the model's `pad_token_id`, as in `transformers`: some
    /// models on the Hub have a wrong one (`intfloat/multilingual-e5-small`).
    pub(crate) fn pad_token_id(&self) -> Option<u32> {
        let id = |token: &str| self.tokenizer.token_to_id(token);
        let named = self.settings.named("pad_token").and_then(id);
        named
            .or_else(|| self.padding.as_ref().map(|padding| padding.pad_id))
            .or_else(|| ["[PAD]", "<pad>"].into_iter().find_map(id))
    }

    /// The id of the mask token: the one that the files name, else that of BERT or XLM-R.
    pub(crate) fn mask_token_id(&self) -> Option<u32> {
        let names = self.settings.named("mask_token").into_iter().chain(["[MASK]", "<mask>"]);
        names.into_iter().find_map(|token| self.tokenizer.token_to_id(token))
    }
}

/// The tokenizer class. Where the files name none, `AutoTokenizer` takes BERT's for the supported models, unless the
/// model is not WordPiece or lacks BERT's special tokens.
fn class_of(settings: &Settings, tokenizer: &Tokenizer) -> TokenizerClass {
    let is_berts = || {
        let tokens = TokenizerClass::Bert.default_tokens();
        let name =
            |(key, token): &(&str, AddedToken)| settings.named(key).unwrap_or(&token.content).to_owned();
        let present = |token: String| tokenizer.token_to_id(&token).is_some();
        matches!(tokenizer.get_model(), ModelWrapper::WordPiece(_))
            && tokens
                .iter()
                .filter(|(key, _)| ["cls_token", "sep_token", "unk_token"].contains(key))
                .map(name)
                .all(present)
    };
    match settings.class {
        Some(class) => class,
        None if is_berts() => TokenizerClass::Bert,
        None => TokenizerClass::Stored,
    }
}

/// Sets the options of BERT's normalizer. Returns a note for the user if that changed it. Other normalizers stay, as in
/// `transformers` 4.
fn set_normalizer(tokenizer: &mut Tokenizer, options: NormalizerOptions) -> Result<Option<String>> {
    let Some(NormalizerWrapper::BertNormalizer(stored)) = tokenizer.get_normalizer() else { return Ok(None) };
    let mut wanted = *stored;
    wanted.lowercase = options.do_lower_case;
    wanted.strip_accents = options.strip_accents;
    wanted.handle_chinese_chars = options.tokenize_chinese_chars;
    let effective = |normalizer: &tokenizers::normalizers::BertNormalizer| {
        (
            normalizer.lowercase,
            normalizer.strip_accents.unwrap_or(normalizer.lowercase),
            normalizer.handle_chinese_chars,
        )
    };
    let (before, after) = (effective(stored), effective(&wanted));
    if before == after {
        return Ok(None);
    }
    let note = format!(
        "{} overrides the normalizer of {}, as in transformers: do_lower_case is {}, strip_accents {}, \
         tokenize_chinese_chars {}, and was {}, {}, {}",
        hub::TOKENIZER_CONFIG,
        hub::TOKENIZER,
        after.0,
        after.1,
        after.2,
        before.0,
        before.1,
        before.2
    );
    tokenizer.with_normalizer(Some(wanted)).map_err(Error::from_boxed)?;
    Ok(Some(note))
}

/// Adds the tokens that the configuration files name, those with ids first. Returns whether the tokenizer changed.
///
/// # Errors
/// A [`Fault::input`] where a token does not get the id that its file gives, or `transformers` 4 and 5 differ on whether
/// it is special.
fn add_tokens(tokenizer: &mut Tokenizer, settings: &Settings) -> Result<bool> {
    let stored: Vec<AddedToken> = tokenizer.get_added_tokens_decoder().into_values().collect();
    let mut new: Vec<AddedToken> = Vec::new();
    for token in settings.added.values().filter(|token| !stored.contains(token)) {
        let special = token.special || settings.names_special(&token.content);
        new.push(token.clone().special(special));
    }
    for token in settings.special() {
        if !stored.iter().chain(&new).any(|known| known.content == token.content) {
            new.push(token.clone());
        }
    }
    let changes = tokenizer.add_tokens(new).map_err(Error::from_boxed)? > 0;
    for (&id, token) in &settings.added {
        let content = &token.content;
        let given = tokenizer.token_to_id(content);
        ensure!(
            given == Some(id),
            Fault::input(format!(
                "the token `{content}` has the id {id} in {} (`added_tokens_decoder`) or {}, and transformers gives it \
                 {}, by the vocabulary and the tokens before it; correct the file",
                hub::TOKENIZER_CONFIG,
                hub::ADDED_TOKENS,
                given.map_or("none".to_owned(), |id| id.to_string()),
            ))
        );
    }
    let decoder = tokenizer.get_added_tokens_decoder();
    for (key, content) in &settings.only_in_v5 {
        ensure!(
            decoder.values().any(|token| token.content == *content),
            Fault::input(format!(
                "`{key}` of {} is a special token in transformers 5 and none in 4; name `{content}` in \
                 `additional_special_tokens` of a copy of the model, or delete the key",
                hub::TOKENIZER_CONFIG
            ))
        );
    }
    Ok(changes)
}

/// Adds BERT's special tokens around texts if `tokenizer` adds none, as `transformers` 5 does. Returns a note for the user
/// then.
///
/// # Errors
/// A [`Fault::input`] where `tokenizer` adds others: `transformers` 4 uses these, and 5 those of the configuration.
fn add_bert_frame(tokenizer: &mut Tokenizer, settings: &Settings) -> Result<Option<String>> {
    let token = |key: &str| {
        let content = settings.named(key)?;
        Some((content.to_owned(), tokenizer.token_to_id(content)?))
    };
    let (cls, sep) = (token("cls_token"), token("sep_token"));
    let (Some(cls), Some(sep)) = (cls, sep) else { return Ok(None) };
    let Some(frame) = Frame::<1>::of(tokenizer, 1) else { return Ok(None) };
    if frame.len() == 0 {
        let note = format!(
            "{} adds no special tokens around texts; {} and {} are added, as in transformers 5 and not in 4",
            hub::TOKENIZER,
            cls.0,
            sep.0
        );
        tokenizer.with_post_processor(Some(BertProcessing::new(sep, cls)));
        return Ok(Some(note));
    }
    let around: Vec<u32> = frame.special().collect();
    ensure!(
        around == [cls.1, sep.1],
        Fault::input(format!(
            "`cls_token` and `sep_token` are {} and {}, and the `post_processor` of {} puts others around a text; make \
             {} and {} agree",
            cls.0,
            sep.0,
            hub::TOKENIZER,
            hub::TOKENIZER_CONFIG,
            hub::TOKENIZER
        ))
    );
    Ok(None)
}

/// Checks that the configuration and `tokenizer.json` name one unknown token.
fn check_unknown(settings: &Settings, stored: Option<&str>) -> Result<()> {
    let named = settings.named("unk_token");
    ensure!(
        named == stored,
        Fault::input(format!(
            "`unk_token` is {} in {} and {} in {}, and transformers 4 takes this one, 5 the other; make them agree",
            named.unwrap_or("absent"),
            hub::TOKENIZER_CONFIG,
            stored.unwrap_or("absent"),
            hub::TOKENIZER
        ))
    );
    Ok(())
}

/// Checks that the configuration and `tokenizer.json` agree on the space before a text.
///
/// # Errors
/// A [`Fault::input`] where they differ: `transformers` 4 follows the one, 5 the other.
fn check_prefix_space(tokenizer: &Tokenizer, asked: Option<bool>) -> Result<()> {
    if let (Some(stored), Some(asked)) = (prefix_space(tokenizer), asked) {
        ensure!(
            stored == asked,
            Fault::input(format!(
                "`add_prefix_space` is {asked} in {} and {stored} in {}; make them agree",
                hub::TOKENIZER_CONFIG,
                hub::TOKENIZER
            ))
        );
    }
    Ok(())
}

/// Whether the pre-tokenizer adds a space before a text; none where it has no such option.
pub(crate) fn prefix_space(tokenizer: &Tokenizer) -> Option<bool> {
    match tokenizer.get_pre_tokenizer() {
        Some(PreTokenizerWrapper::ByteLevel(bytes)) => Some(bytes.add_prefix_space),
        _ => None,
    }
}

/// The sides of the stored padding and truncation.
fn sides(tokenizer: &Tokenizer) -> Sides {
    let padding = tokenizer.get_padding().map(|padding| match padding.direction {
        PaddingDirection::Left => Side::Left,
        PaddingDirection::Right => Side::Right,
    });
    let truncation = tokenizer.get_truncation().map(|truncation| match truncation.direction {
        TruncationDirection::Left => Side::Left,
        TruncationDirection::Right => Side::Right,
    });
    Sides { padding, truncation }
}

/// Removes the truncation and padding that `tokenizer.json` stores.
fn remove_limits(tokenizer: &mut Tokenizer) -> Result<()> {
    tokenizer.with_truncation(None).map_err(Error::from_boxed)?;
    tokenizer.with_padding(None);
    Ok(())
}
