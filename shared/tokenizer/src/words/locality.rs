//! Recognizes tokenizers in which the ids of a text are the ids of its words, one after the other.

use tokenizers::normalizers::replace::{Replace, ReplacePattern};
use tokenizers::pre_tokenizers::metaspace::PrependScheme;
use tokenizers::{NormalizedString, Normalizer, NormalizerWrapper, PreTokenizerWrapper, Tokenizer};

/// The character that a Metaspace pre-tokenizer puts before a word in place of the space.
pub(super) const MARK: char = '▁';

/// The rule by which the pre-tokenizer splits the text between two spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordRule {
    /// BERT's rule: every punctuation character is a word, and so is the text between two of them. Whitespace is removed.
    PunctuationApart,
    /// Metaspace: the text is one word, with [`MARK`] before it.
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

/// The treatment of consecutive spaces by the normalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpaceRuns {
    /// Every space stays.
    Preserved,
    /// One space remains.
    Collapsed,
}

/// A normalizer in which text on one side of a space does not affect the other side. The exception is a character that
/// attaches to the space itself; [`LocalNormalizer::between_spaces`] detects it.
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

    /// The treatment of consecutive spaces; none where the normalizer changes single spaces.
    pub(super) fn space_runs(&self) -> Option<SpaceRuns> {
        match self.normalized("x x  x")?.as_str() {
            "x x  x" => Some(SpaceRuns::Preserved),
            "x x x" => Some(SpaceRuns::Collapsed),
            _ => None,
        }
    }

    /// Returns whether the normalizer leaves `text` unchanged.
    pub(super) fn leaves(&self, text: &str) -> bool {
        self.normalized(text).is_some_and(|normalized| normalized == text)
    }

    /// The normalized `word`; none where spaces do not separate it from its neighbours.
    pub(super) fn between_spaces(&self, word: &str) -> Option<String> {
        let alone = self.normalized(word)?;
        let between = self.normalized(&format!("x {word} x"))?;
        (between.strip_prefix("x ")?.strip_suffix(" x")? == alone).then_some(alone)
    }
}

/// Returns whether the normalizer works across no space. BERT's normalizer works on single characters, the Unicode forms on
/// characters with the combining ones after them, and Precompiled on grapheme clusters. A space never combines with the
/// character before it.
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
