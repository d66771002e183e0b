//! The supported tokenizer classes of `transformers`.

use anyhow::{Result, bail};
use shared::fault::Fault;
use shared::layout::hub;
use tokenizers::AddedToken;
use tokenizers::models::ModelWrapper;

/// The class by whose rules `transformers` builds a tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenizerClass {
    /// WordPiece. `tokenizer_config.json` overrides the normalizer of `tokenizer.json`.
    Bert,
    /// Unigram from `tokenizer.json`, unchanged.
    XlmRoberta,
    /// Byte-pair encoding from `tokenizer.json`, unchanged.
    Roberta,
    /// Any model from `tokenizer.json`, unchanged.
    Stored,
}

/// Every supported class by its name without `Fast`.
const CLASSES: [(&str, TokenizerClass); 7] = [
    ("BertTokenizer", TokenizerClass::Bert),
    ("ElectraTokenizer", TokenizerClass::Bert),
    ("DistilBertTokenizer", TokenizerClass::Bert),
    ("XLMRobertaTokenizer", TokenizerClass::XlmRoberta),
    ("RobertaTokenizer", TokenizerClass::Roberta),
    ("PreTrainedTokenizer", TokenizerClass::Stored),
    ("TokenizersBackend", TokenizerClass::Stored),
];

/// The class that uses `tokenizer.json` unchanged in `transformers` 4 and 5.
pub(crate) const STORED: &str = "PreTrainedTokenizerFast";

impl TokenizerClass {
    /// Finds a class by its name, with or without `Fast`.
    ///
    /// # Errors
    /// A [`Fault::input`] where the class is not supported.
    pub(crate) fn of(name: &str) -> Result<TokenizerClass> {
        let plain = name.strip_suffix("Fast").unwrap_or(name);
        if let Some((_, class)) = CLASSES.into_iter().find(|(known, _)| *known == plain) {
            return Ok(class);
        }
        let known: Vec<&str> = CLASSES.iter().map(|(known, _)| *known).collect();
        bail!(Fault::input(format!(
            "the tokenizer class `{name}` (`tokenizer_class` of {} or {}) is not supported: only its own code defines \
             how it splits texts; use a model whose class is one of {}, with or without `Fast`, or, where a {} holds \
             the whole tokenizer, set `tokenizer_class` to `{STORED}` in a copy of the model",
            hub::TOKENIZER_CONFIG,
            hub::CONFIG,
            known.join(", "),
            hub::TOKENIZER
        )))
    }

    /// Checks that the class fits the kind of model in `tokenizer.json`.
    ///
    /// # Errors
    /// A [`Fault::input`] where `transformers` would build another kind of model for this class.
    pub(crate) fn check_model(self, model: &ModelWrapper) -> Result<()> {
        let (wanted, fits) = match self {
            TokenizerClass::Bert => ("WordPiece", matches!(model, ModelWrapper::WordPiece(_))),
            TokenizerClass::XlmRoberta => ("Unigram", matches!(model, ModelWrapper::Unigram(_))),
            TokenizerClass::Roberta => ("BPE", matches!(model, ModelWrapper::BPE(_))),
            TokenizerClass::Stored => return Ok(()),
        };
        if !fits {
            bail!(Fault::input(format!(
                "`tokenizer_class` is that of a {wanted} tokenizer, and {} has another model; set `tokenizer_class` to \
                 `{STORED}` in {} of a copy of the model",
                hub::TOKENIZER,
                hub::TOKENIZER_CONFIG
            )));
        }
        Ok(())
    }

    /// The default special tokens of the class, by key.
    pub(crate) fn default_tokens(self) -> Vec<(&'static str, AddedToken)> {
        let special = |(name, content): (&'static str, &str)| (name, AddedToken::from(content, true));
        match self {
            TokenizerClass::Bert => [
                ("unk_token", "[UNK]"),
                ("sep_token", "[SEP]"),
                ("pad_token", "[PAD]"),
                ("cls_token", "[CLS]"),
                ("mask_token", "[MASK]"),
            ]
            .map(special)
            .into(),
            TokenizerClass::XlmRoberta | TokenizerClass::Roberta => {
                let [names @ .., _] = crate::settings::NAMES;
                let tokens = ["<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>"];
                let mask = AddedToken::from("<mask>", true).lstrip(true);
                names.into_iter().zip(tokens).map(special).chain([("mask_token", mask)]).collect()
            }
            TokenizerClass::Stored => Vec::new(),
        }
    }
}
