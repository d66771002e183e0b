//! Comparison of the ids of single words with those that the library gives for the whole text.

use rayon::prelude::*;
use serde_json::json;
use shared::layout::hub;
use shared::tokens::Tokenizer as _;
use tokenizers::normalizers::{BertNormalizer, NFKC, Sequence, Strip};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::pre_tokenizers::{PreTokenizerWrapper, sequence};
use tokenizers::{AddedToken, NormalizerWrapper};

use super::Scratch;
use crate::bounded::BoundedTokenizer;
use crate::fixture::Model;
use crate::reference::Reference;
use crate::texts::{self, FRAGMENTS};

fn load(model: &Model, max_seq_length: usize) -> (BoundedTokenizer, Reference) {
    let tokenizer = BoundedTokenizer::load(model.path(), max_seq_length).unwrap();
    let reference = Reference::of(&tokenizer);
    (tokenizer, reference)
}

fn check_equal(tokenizer: &BoundedTokenizer, reference: &Reference, text: &str) {
    assert_eq!(tokenizer.session().encode(text).unwrap(), reference.encode(text), "{text:?}");
}

fn check_fragments(model: &Model) {
    let tokenizers = [3, 6, 16].map(|length| load(model, length));
    FRAGMENTS.par_iter().for_each(|first| {
        for second in FRAGMENTS {
            for text in [
                format!("{first}{second}"),
                format!("{first} {second}"),
                format!("영화 {first}  {second} 좋다"),
                format!("{second}{first}{second} "),
            ] {
                tokenizers.iter().for_each(|(tokenizer, reference)| check_equal(tokenizer, reference, &text));
            }
        }
    });
}

/// Checks characters of many Unicode blocks, each beside letters and spaces. The other blocks behave like these.
fn check_characters(model: &Model) {
    let (tokenizer, reference) = load(model, 16);
    let blocks = [0..0x3400_u32, 0xa600..0xac10, 0xd7a0..0xd800, 0xf900..0x1_0000, 0x1_f300..0x1_f650];
    let characters: Vec<char> = blocks.into_iter().flatten().filter_map(char::from_u32).collect();
    let text = |c: &char| format!("가{c}나 {c} {c}다 라{c} {c}{c}");
    characters.par_iter().for_each(|c| check_equal(&tokenizer, &reference, &text(c)));
}

fn by_words(model: &Model, text: &str) -> bool {
    load(model, 16).0.ids_by_words(text, 14, &mut Scratch::default()).is_some()
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
    let model = Model::tokenizer_json(|tokenizer| {
        tokenizer.with_normalizer(Some(by)).unwrap();
    });
    // Without this file, the default configuration would override the normalizer.
    model.write(
        hub::TOKENIZER_CONFIG,
        &json!({
            "do_lower_case": by.lowercase,
            "strip_accents": by.strip_accents,
            "tokenize_chinese_chars": by.handle_chinese_chars,
        })
        .to_string(),
    );
    model
}

#[test]
fn fragments_in_any_order_match_the_library() {
    check_fragments(&Model::word_piece());
    check_fragments(&Model::unigram(|_| ()));
}

#[test]
fn every_character_matches_the_library() {
    check_characters(&Model::word_piece());
    check_characters(&Model::unigram(|_| ()));
}

#[test]
fn other_tokenizers_match_the_library() {
    check_fragments(&normalized(NFKC));
    check_fragments(&pre_tokenized(BertPreTokenizer));
    let both = vec![WhitespaceSplit.into(), Metaspace::default().into()];
    check_fragments(&pre_tokenized(sequence::Sequence::new(both)));
    check_fragments(&cased(BertNormalizer::new(false, false, Some(false), false)));
    check_fragments(&Model::tokenizer_json(|tokenizer| {
        tokenizer.with_pre_tokenizer(Some(Metaspace::default()));
    }));
}

#[test]
fn words_of_any_length_match_the_library() {
    for model in [Model::word_piece(), Model::unigram(|_| ())] {
        let (tokenizer, reference) = load(&model, 16);
        for length in [99, 100, 101, 5000] {
            check_equal(&tokenizer, &reference, &"가".repeat(length));
            check_equal(&tokenizer, &reference, &"美".repeat(length));
            check_equal(&tokenizer, &reference, &format!("영화{} 좋다", "가".repeat(length - 2)));
            check_equal(&tokenizer, &reference, &"영화 ".repeat(length));
        }
    }
}

#[test]
fn texts_are_encoded_word_by_word() {
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
fn the_library_encodes_where_words_are_not_independent() {
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

#[test]
fn real_texts_match_the_library() {
    let (models, texts) = (texts::models(), texts::reviews());
    for model in models {
        let tokenizer = BoundedTokenizer::load(&model, 32).unwrap();
        let reference = Reference::of(&tokenizer);
        texts.par_iter().take(20_000).for_each(|text| check_equal(&tokenizer, &reference, text));
        let pairs: Vec<&[String]> = texts.chunks_exact(2).take(5_000).collect();
        pairs.par_iter().for_each(|pair| check_equal(&tokenizer, &reference, &pair.join(" ")));
    }
}
