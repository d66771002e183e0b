//! Word by word gives what the library gives for the whole text.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tokenizers::normalizers::{BertNormalizer, NFKC, Sequence, Strip};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::pre_tokenizers::{PreTokenizerWrapper, sequence};
use tokenizers::{AddedToken, NormalizerWrapper};

use super::Scratch;
use crate::fixture::Model;
use crate::tokenizer::BoundedTokenizer;

/// Parts of texts: words, and what may go wrong between them.
const PARTS: &[&str] = &[
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\u{a0}",
    "\u{3000}",
    "\u{2009}",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}",
    "\u{0}",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{ad}",
    "\u{fffd}",
    "\u{301}",
    "\u{345}",
    "\u{600}",
    "\u{903}",
    "\u{1161}",
    "\u{11a8}",
    "\u{302e}",
    "\u{3099}",
    "\u{fe0f}",
    "\u{1f3fb}",
    "ᄀ",
    "ᄒ",
    "한",
    "한",
    "영화",
    "영화가",
    "좋다",
    "가나다",
    "뷁",
    "ㅋㅋㅋ",
    "ㅋㅏ",
    "ㅠㅠ",
    "ㄱ",
    "a",
    "ab",
    "aba",
    "A",
    "é",
    "e\u{301}",
    "ﬁ",
    "½",
    "①",
    "ｆｕｌｌ",
    "12",
    "!",
    "...",
    "…",
    "'",
    "-",
    "_",
    "##",
    "##가",
    "[",
    "]",
    "<",
    ">",
    "·",
    "“",
    "美国",
    "豈",
    "かな",
    "が",
    "▁",
    "▁영화",
    "😀",
    "👍🏽",
    "👩‍👩‍👧",
    "🇰🇷",
    "¨",
    "´",
    "[MASK]",
    "[UNK]",
    "[CLS",
    "<mask>",
    "<unk>",
    "<s>",
    "</s>",
];

fn load(model: &Model, max_seq_length: usize) -> BoundedTokenizer {
    BoundedTokenizer::load(model.path(), max_seq_length).unwrap()
}

fn check_equal(tokenizer: &BoundedTokenizer, text: &str) {
    let by_words = tokenizer.encode(text, &mut Scratch::default()).unwrap();
    assert_eq!(by_words, tokenizer.encode_by_library(text).unwrap(), "{text:?}");
}

fn check_parts(model: &Model) {
    let tokenizers = [3, 6, 16].map(|length| load(model, length));
    PARTS.par_iter().for_each(|first| {
        for second in PARTS {
            for text in [
                format!("{first}{second}"),
                format!("{first} {second}"),
                format!("영화 {first}  {second} 좋다"),
                format!("{second}{first}{second} "),
            ] {
                tokenizers.iter().for_each(|tokenizer| check_equal(tokenizer, &text));
            }
        }
    });
}

/// Every character beside letters and spaces; those beyond the first planes behave like these.
fn check_characters(model: &Model) {
    let tokenizer = load(model, 16);
    let blocks = [0..0x3400_u32, 0xa600..0xac10, 0xd7a0..0xd800, 0xf900..0x1_0000, 0x1_f300..0x1_f650];
    let characters: Vec<char> = blocks.into_iter().flatten().filter_map(char::from_u32).collect();
    characters.par_iter().for_each(|c| check_equal(&tokenizer, &format!("가{c}나 {c} {c}다 라{c} {c}{c}")));
}

fn by_words(model: &Model, text: &str) -> bool {
    load(model, 16).encode_by_words(text, &mut Scratch::default()).is_some()
}

fn pre_tokenized(by: impl Into<PreTokenizerWrapper>) -> Model {
    Model::unigram(|tokenizer| {
        tokenizer.with_pre_tokenizer(Some(by));
    })
}

fn normalized(by: impl Into<NormalizerWrapper>) -> Model {
    Model::unigram(|tokenizer| {
        tokenizer.with_normalizer(Some(by)).unwrap();
    })
}

fn cased(by: BertNormalizer) -> Model {
    Model::tokenizer_json(|tokenizer| {
        tokenizer.with_normalizer(Some(by)).unwrap();
    })
}

#[test]
fn parts_in_any_order_are_equal() {
    check_parts(&Model::word_piece());
    check_parts(&Model::unigram(|_| ()));
}

#[test]
fn every_character_is_equal() {
    check_characters(&Model::word_piece());
    check_characters(&Model::unigram(|_| ()));
}

#[test]
fn other_tokenizers_are_equal_too() {
    check_parts(&normalized(NFKC));
    check_parts(&pre_tokenized(BertPreTokenizer));
    let both = vec![WhitespaceSplit.into(), Metaspace::default().into()];
    check_parts(&pre_tokenized(sequence::Sequence::new(both)));
    check_parts(&cased(BertNormalizer::new(false, false, Some(false), false)));
    check_parts(&Model::tokenizer_json(|tokenizer| {
        tokenizer.with_pre_tokenizer(Some(Metaspace::default()));
    }));
}

#[test]
fn a_word_of_any_length_is_equal() {
    for model in [Model::word_piece(), Model::unigram(|_| ())] {
        let tokenizer = load(&model, 16);
        for length in [99, 100, 101, 5000] {
            check_equal(&tokenizer, &"가".repeat(length));
            check_equal(&tokenizer, &"美".repeat(length));
            check_equal(&tokenizer, &format!("영화{} 좋다", "가".repeat(length - 2)));
            check_equal(&tokenizer, &"영화 ".repeat(length));
        }
    }
}

#[test]
fn texts_are_taken_word_by_word() {
    for model in [Model::word_piece(), Model::unigram(|_| ())] {
        let check = |text: &str, expect: bool| assert_eq!(by_words(&model, text), expect, "{text:?}");
        check("", true);
        check("영화가 좋다! ", true);
        check("ㅋㅋㅋ  美国 <b> [a]", true);
        check("[MASK]<mask>", false);
    }
    assert!(!by_words(&Model::unigram(|_| ()), "영화\u{3000} 가"));
    assert!(!by_words(&Model::unigram(|_| ()), "영화 ▁가"));
}

#[test]
fn a_tokenizer_whose_words_are_not_independent_is_left_to_the_library() {
    let check = |model: Model| assert!(!by_words(&model, "영화"));
    check(pre_tokenized(Metaspace::new('▁', PrependScheme::First, true)));
    check(pre_tokenized(Metaspace::new('▁', PrependScheme::Never, true)));
    check(pre_tokenized(Metaspace::new('▁', PrependScheme::Always, false)));
    check(normalized(Sequence::new(vec![NFKC.into(), Strip::new(true, true).into()])));
    check(cased(BertNormalizer::new(true, true, None, true)));
    for token in [("새말", false), ("새 말", true), ("새말", true)] {
        check(Model::unigram(|tokenizer| {
            tokenizer.add_tokens([AddedToken::from(token.0, token.1)]).unwrap();
        }));
    }
}

/// Texts of the Naver movie reviews, where the data is at hand.
fn reviews(shared: &Path) -> Option<Vec<String>> {
    let path = shared.join("mirror/raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt");
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().skip(1).filter_map(|line| Some(line.split('\t').nth(1)?.to_owned())).collect())
}

#[test]
fn real_texts_are_equal() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let Some(texts) = reviews(&shared) else {
        eprintln!("skipped: {} is not there", shared.display());
        return;
    };
    let models: [PathBuf; 2] = [
        shared.join("mirror/huggingface.co/beomi/kcbert-base/resolve/main"),
        shared.join("models/me5-small-ko"),
    ];
    for model in models {
        let tokenizer = BoundedTokenizer::load(&model, 32).unwrap();
        texts.par_iter().take(20_000).for_each(|text| check_equal(&tokenizer, text));
        let pairs: Vec<&[String]> = texts.chunks_exact(2).take(5_000).collect();
        pairs.par_iter().for_each(|pair| check_equal(&tokenizer, &pair.join(" ")));
    }
}
