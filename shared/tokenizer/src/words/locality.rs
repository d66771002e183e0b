//! Which tokenizers give a text the ids of its words, one word after the other.

use tokenizers::normalizers::replace::{Replace, ReplacePattern};
use tokenizers::pre_tokenizers::metaspace::PrependScheme;
use tokenizers::{NormalizedString, Normalizer, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

/// What a Metaspace pre-tokenizer puts before a word in place of the space.
pub(super) const MARK: char = '▁';

/// What the pre-tokenizer makes of the text between two spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordRule {
    /// BERT's: every punctuation character and what is between them; whitespace goes.
    PunctuationApart,
    /// Metaspace: one word, with [`MARK`] before it.
    Marked,
}

impl WordRule {
    pub(super) fn of(pre_tokenizer: &PreTokenizerWrapper) -> Option<WordRule> {
        match pre_tokenizer {
            PreTokenizerWrapper::BertPreTokenizer(_) => Some(WordRule::PunctuationApart),
            PreTokenizerWrapper::Metaspace(metaspace) => {
                let always = metaspace.prepend_scheme == PrependScheme::Always && metaspace.split;
                (always && metaspace.get_replacement() == MARK).then_some(WordRule::Marked)
            }
            PreTokenizerWrapper::Sequence(sequence) => match sequence.as_ref() {
                [PreTokenizerWrapper::WhitespaceSplit(_), last @ PreTokenizerWrapper::Metaspace(_)] => {
                    WordRule::of(last)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Several spaces in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    Kept,
    Collapsed,
}

/// A normalizer in which what stands on one side of a space has no influence on the other side, save where a
/// character there attaches to the space itself, which [`LocalNormalizer::between_spaces`] finds.
pub(super) struct LocalNormalizer(Option<NormalizerWrapper>);

impl LocalNormalizer {
    pub(super) fn of(tokenizer: &Tokenizer) -> Option<LocalNormalizer> {
        let normalizer = tokenizer.get_normalizer().cloned();
        normalizer.as_ref().is_none_or(is_local).then_some(LocalNormalizer(normalizer))
    }

    fn normalized(&self, text: &str) -> Option<String> {
        let mut normalized = NormalizedString::from(text);
        if let Some(normalizer) = &self.0 {
            normalizer.normalize(&mut normalized).ok()?;
        }
        Some(normalized.get().to_owned())
    }

    /// None where a single space does not stay what it is.
    pub(super) fn runs(&self) -> Option<Runs> {
        match self.normalized("x x  x")?.as_str() {
            "x x  x" => Some(Runs::Kept),
            "x x x" => Some(Runs::Collapsed),
            _ => None,
        }
    }

    pub(super) fn leaves(&self, text: &str) -> bool {
        self.normalized(text).is_some_and(|normalized| normalized == text)
    }

    /// What becomes of `word`, if the spaces around it part it from its neighbours.
    pub(super) fn between_spaces(&self, word: &str) -> Option<String> {
        let alone = self.normalized(word)?;
        let between = self.normalized(&format!("x {word} x"))?;
        (between.strip_prefix("x ")?.strip_suffix(" x")? == alone).then_some(alone)
    }
}

/// BERT's goes by single characters, the Unicode forms by what combines with a character before it, Precompiled by
/// grapheme clusters. No space combines with what is before it.
fn is_local(normalizer: &NormalizerWrapper) -> bool {
    match normalizer {
        NormalizerWrapper::BertNormalizer(_)
        | NormalizerWrapper::NFC(_)
        | NormalizerWrapper::NFD(_)
        | NormalizerWrapper::NFKC(_)
        | NormalizerWrapper::NFKD(_)
        | NormalizerWrapper::Precompiled(_) => true,
        NormalizerWrapper::Replace(replace) => collapses_spaces(replace),
        NormalizerWrapper::Sequence(sequence) => sequence.as_ref().iter().all(is_local),
        _ => false,
    }
}

fn collapses_spaces(replace: &Replace) -> bool {
    Replace::new(ReplacePattern::Regex(" {2,}".to_owned()), " ")
        .is_ok_and(|collapsing| *replace == collapsing)
}
