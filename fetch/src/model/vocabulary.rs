//! Trains a WordPiece vocabulary on a corpus. Equal texts give equal bytes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use shared::config::ScratchConfig;
use shared::schema::ExampleReader;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, TokenizerBuilder, TokenizerImpl, Trainer,
};

/// The special tokens in the order of their ids, as in every published BERT.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
pub(super) const PAD_ID: u32 = 0;
const CLS_ID: u32 = 2;
const SEP_ID: u32 = 3;
const CONTINUATION: &str = "##";
/// At most one piece in this number is a single character that begins a word, and at most one is a single character that
/// continues a word. The remaining pieces are longer.
const CHARACTER_SHARE: usize = 4;

type BertTokenizer =
    TokenizerImpl<WordPiece, BertNormalizer, BertPreTokenizer, BertProcessing, WordPieceDecoder>;

/// A trained vocabulary with its tokenizer.
pub(super) struct Vocabulary(BertTokenizer);

impl Vocabulary {
    /// Trains on the texts of the examples in `train`.
    pub(super) fn train(config: &ScratchConfig, train: &Path) -> Result<Vocabulary> {
        let splitter = Splitter { normalizer: normalizer(config) };
        let alphabet = Alphabet::of(train, &splitter, config.vocab_size / CHARACTER_SHARE)?;
        let mut trainer = alphabet.trainer(config.vocab_size);
        let mut texts = Texts::open(train)?;
        trainer.feed(&mut texts, |text| splitter.words(text)).map_err(training_error)?;
        texts.end()?;
        let mut model = WordPiece::default();
        // The returned special tokens are ignored, since most of them are characters of the alphabet.
        trainer.train(&mut model).map_err(training_error)?;
        Ok(Vocabulary(tokenizer(model, config)?))
    }

    /// The pieces in the order of their ids.
    pub(super) fn pieces(&self) -> Vec<String> {
        let by_id: BTreeMap<u32, String> =
            self.0.get_vocab(true).into_iter().map(|(piece, id)| (id, piece)).collect();
        by_id.into_values().collect()
    }

    /// The text of `tokenizer.json`.
    pub(super) fn tokenizer_json(&self) -> Result<String> {
        let value: serde_json::Value = serde_json::to_value(&self.0)?;
        Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
    }
}

/// The normalizer. It keeps accents even in lower case, since stripping them would decompose Hangul.
fn normalizer(config: &ScratchConfig) -> BertNormalizer {
    BertNormalizer::new(true, true, Some(false), config.lowercase)
}

fn tokenizer(model: WordPiece, config: &ScratchConfig) -> Result<BertTokenizer> {
    let special = |token: &str| AddedToken::from(token, true);
    let mut tokenizer: BertTokenizer = TokenizerBuilder::new()
        .with_model(model)
        .with_normalizer(Some(normalizer(config)))
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(BertProcessing::new(("[SEP]".into(), SEP_ID), ("[CLS]".into(), CLS_ID))))
        .with_decoder(Some(WordPieceDecoder::new(CONTINUATION.into(), true)))
        .build()
        .map_err(training_error)?;
    tokenizer.add_special_tokens(SPECIAL.map(special)).map_err(training_error)?;
    Ok(tokenizer)
}

/// Converts an error of the crate `tokenizers`, which is a box that `anyhow` cannot take.
fn training_error(error: tokenizers::Error) -> anyhow::Error {
    anyhow!("the vocabulary cannot be trained: {error}")
}

/// Splits texts into words as the finished tokenizer does.
struct Splitter {
    normalizer: BertNormalizer,
}

impl Splitter {
    fn words(&self, text: &str) -> tokenizers::Result<Vec<String>> {
        let mut normalized = NormalizedString::from(text);
        self.normalizer.normalize(&mut normalized)?;
        let mut split = PreTokenizedString::from(normalized);
        BertPreTokenizer.pre_tokenize(&mut split)?;
        let words = split.get_splits(OffsetReferential::Normalized, OffsetType::Byte);
        Ok(words.into_iter().map(|(word, _, _)| word.to_owned()).collect())
    }
}

/// The characters that get a piece of their own.
struct Alphabet {
    characters: HashSet<char>,
    /// The characters that occur within words, sorted.
    continuing: Vec<char>,
}

impl Alphabet {
    /// The `limit` most frequent characters. Smaller code points win ties.
    fn of(train: &Path, splitter: &Splitter, limit: usize) -> Result<Alphabet> {
        let mut counts: HashMap<char, u64> = HashMap::new();
        let mut within: HashSet<char> = HashSet::new();
        let mut texts = Texts::open(train)?;
        for text in &mut texts {
            for word in splitter.words(&text).map_err(training_error)? {
                word.chars().for_each(|c| *counts.entry(c).or_default() += 1);
                within.extend(word.chars().skip(1));
            }
        }
        texts.end()?;
        let mut ranked: Vec<(char, u64)> = counts.into_iter().collect();
        ranked.sort_unstable_by_key(|&(c, count)| (std::cmp::Reverse(count), c));
        ranked.truncate(limit);
        let characters: HashSet<char> = ranked.into_iter().map(|(c, _)| c).collect();
        let mut continuing: Vec<char> = characters.intersection(&within).copied().collect();
        continuing.sort_unstable();
        Ok(Alphabet { characters, continuing })
    }

    /// The trainer for this alphabet.
    ///
    /// By itself the trainer numbers the continuing characters in the order of a hash map with a random seed, and these
    /// numbers break ties between merges. Here the characters are passed as special tokens, whose order is fixed.
    fn trainer(&self, vocab_size: usize) -> WordPieceTrainer {
        let continuing = self.continuing.iter().map(|c| format!("{CONTINUATION}{c}"));
        let first = SPECIAL.iter().map(|token| token.to_string()).chain(continuing);
        WordPieceTrainer::builder()
            .vocab_size(vocab_size)
            .special_tokens(first.map(|token| AddedToken::from(token, true)).collect())
            .limit_alphabet(self.characters.len())
            .initial_alphabet(self.characters.clone())
            .continuing_subword_prefix(CONTINUATION.into())
            .show_progress(false)
            .build()
    }
}

/// Iterates over the texts of a file of examples. It ends early if the file is damaged; `end` returns the error then.
struct Texts {
    examples: ExampleReader,
    ready: std::vec::IntoIter<String>,
    failure: Option<anyhow::Error>,
}

impl Texts {
    fn open(path: &Path) -> Result<Texts> {
        let examples =
            ExampleReader::open(path).context("the vocabulary is trained on the examples of train")?;
        Ok(Texts { examples, ready: Vec::new().into_iter(), failure: None })
    }

    fn end(self) -> Result<()> {
        self.failure.map_or(Ok(()), Err)
    }
}

impl Iterator for Texts {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            if let Some(text) = self.ready.next() {
                return Some(text);
            }
            match self.examples.next()? {
                Ok(batch) => {
                    let texts = batch.into_iter().flat_map(|e| std::iter::once(e.text).chain(e.text_pair));
                    self.ready = texts.collect::<Vec<_>>().into_iter();
                }
                Err(error) => {
                    self.failure = Some(error);
                    return None;
                }
            }
        }
    }
}
