//! A WordPiece vocabulary, trained on a corpus. The same texts give the same bytes.

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

/// In the order of their ids, as in every published BERT.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
pub(super) const PAD_ID: u32 = 0;
const CLS_ID: u32 = 2;
const SEP_ID: u32 = 3;
const CONTINUATION: &str = "##";
/// At most one in so many pieces is a single character that begins a word, and as many go on in one; the
/// others are for what is longer.
const CHARACTER_SHARE: usize = 4;

type BertTokenizer =
    TokenizerImpl<WordPiece, BertNormalizer, BertPreTokenizer, BertProcessing, WordPieceDecoder>;

pub(super) struct Vocabulary(BertTokenizer);

impl Vocabulary {
    /// Trains on the texts of the examples in `train`.
    pub(super) fn train(config: &ScratchConfig, train: &Path) -> Result<Vocabulary> {
        let splitter = Splitter { normalizer: normalizer(config) };
        let alphabet = Alphabet::of(train, &splitter, config.vocab_size / CHARACTER_SHARE)?;
        let mut trainer = alphabet.trainer(config.vocab_size);
        let mut texts = Texts::open(train)?;
        trainer.feed(&mut texts, |text| splitter.words(text)).map_err(foreign)?;
        texts.end()?;
        let mut model = WordPiece::default();
        // What it returns are the special tokens, most of which are in truth the alphabet's.
        trainer.train(&mut model).map_err(foreign)?;
        Ok(Vocabulary(tokenizer(model, config)?))
    }

    /// In the order of their ids.
    pub(super) fn pieces(&self) -> Vec<String> {
        let by_id: BTreeMap<u32, String> =
            self.0.get_vocab(true).into_iter().map(|(piece, id)| (id, piece)).collect();
        by_id.into_values().collect()
    }

    pub(super) fn tokenizer_json(&self) -> Result<String> {
        let value: serde_json::Value = serde_json::to_value(&self.0)?;
        Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
    }
}

/// Accents are kept even in lower case: to strip them the normalizer takes Hangul apart.
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
        .map_err(foreign)?;
    tokenizer.add_special_tokens(SPECIAL.map(special)).map_err(foreign)?;
    Ok(tokenizer)
}

/// Errors of the tokenizers crate are boxes that anyhow takes by their text.
fn foreign(error: tokenizers::Error) -> anyhow::Error {
    anyhow!("the vocabulary cannot be trained: {error}")
}

/// Texts to words as the finished tokenizer will see them.
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
    kept: HashSet<char>,
    /// Those that occur within words, sorted.
    continuing: Vec<char>,
}

impl Alphabet {
    /// The `limit` most frequent characters; of those as frequent as each other the smaller code points.
    fn of(train: &Path, splitter: &Splitter, limit: usize) -> Result<Alphabet> {
        let mut counts: HashMap<char, u64> = HashMap::new();
        let mut within: HashSet<char> = HashSet::new();
        let mut texts = Texts::open(train)?;
        for text in &mut texts {
            for word in splitter.words(&text).map_err(foreign)? {
                word.chars().for_each(|c| *counts.entry(c).or_default() += 1);
                within.extend(word.chars().skip(1));
            }
        }
        texts.end()?;
        let mut ranked: Vec<(char, u64)> = counts.into_iter().collect();
        ranked.sort_unstable_by_key(|&(c, count)| (std::cmp::Reverse(count), c));
        ranked.truncate(limit);
        let kept: HashSet<char> = ranked.into_iter().map(|(c, _)| c).collect();
        let mut continuing: Vec<char> = kept.intersection(&within).copied().collect();
        continuing.sort_unstable();
        Ok(Alphabet { kept, continuing })
    }

    /// The trainer numbers the continuing characters in the order of a hash map with a random seed, and breaks
    /// ties between merges by those numbers. As special tokens they are numbered in the order given here.
    fn trainer(&self, vocab_size: usize) -> WordPieceTrainer {
        let continuing = self.continuing.iter().map(|c| format!("{CONTINUATION}{c}"));
        let first = SPECIAL.iter().map(|token| token.to_string()).chain(continuing);
        WordPieceTrainer::builder()
            .vocab_size(vocab_size)
            .special_tokens(first.map(|token| AddedToken::from(token, true)).collect())
            .limit_alphabet(self.kept.len())
            .initial_alphabet(self.kept.clone())
            .continuing_subword_prefix(CONTINUATION.into())
            .show_progress(false)
            .build()
    }
}

/// The texts of a file of examples, one by one. It ends early where the file is damaged, and `end` says so.
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
