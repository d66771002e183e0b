//! The classes of `transformers` whose rules are known.

use anyhow::{Result, bail};
use shared::fault::Fault;
use shared::layout::hub;
use tokenizers::AddedToken;
use tokenizers::models::ModelWrapper;

/// What `transformers` builds a tokenizer by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenizerClass {
    /// WordPiece; `tokenizer_config.json` stands above the normalizer of `tokenizer.json`.
    Bert,
    /// Unigram, as `tokenizer.json` has it.
    XlmRoberta,
    /// Byte pairs, as `tokenizer.json` has them.
    Roberta,
    /// Whatever `tokenizer.json` has.
    Stored,
}

/// Every known class by its name without `Fast`.
const CLASSES: [(&str, TokenizerClass); 7] = [
    ("BertTokenizer", TokenizerClass::Bert),
    ("ElectraTokenizer", TokenizerClass::Bert),
    ("DistilBertTokenizer", TokenizerClass::Bert),
    ("XLMRobertaTokenizer", TokenizerClass::XlmRoberta),
    ("RobertaTokenizer", TokenizerClass::Roberta),
    ("PreTrainedTokenizer", TokenizerClass::Stored),
    ("TokenizersBackend", TokenizerClass::Stored),
];

/// The class of `transformers` 4 and 5 that takes `tokenizer.json` as it is.
pub(crate) const STORED: &str = "PreTrainedTokenizerFast";

impl TokenizerClass {
    /// # Errors
    /// A [`Fault::input`] where the class is not known.
    pub(crate) fn of(name: &str) -> Result<TokenizerClass> {
        let plain = name.strip_suffix("Fast").unwrap_or(name);
        if let Some((_, class)) = CLASSES.into_iter().find(|(known, _)| *known == plain) {
            return Ok(class);
        }
        let known: Vec<&str> = CLASSES.iter().map(|(known, _)| *known).collect();
        bail!(Fault::input(format!(
            "the tokenizer class `{name}` (`tokenizer_class` of {} or {}) is not supported: how it cuts texts is known \
             to its own code alone; use a model whose class is one of {}, with or without `Fast`, or, where a {} holds \
             the whole tokenizer, set `tokenizer_class` to `{STORED}` in a copy of the model",
            hub::TOKENIZER_CONFIG,
            hub::CONFIG,
            known.join(", "),
            hub::TOKENIZER
        )))
    }

    /// # Errors
    /// A [`Fault::input`] where `transformers` builds another kind of model by this class than `tokenizer.json` has.
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

    /// The special tokens by key that the class has where no file names others.
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
