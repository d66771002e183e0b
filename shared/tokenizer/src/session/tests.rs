//! Comparison of pairs and pieces with the output of the library.

use rayon::prelude::*;
use shared::fault::kind_of;
use shared::layout::hub;
use shared::tokens::{Piece, Tokenizer, WordStarts};
use tokenizers::normalizers::NFKC;

use super::longest_first;
use crate::bounded::BoundedTokenizer;
use crate::fixture::Model;
use crate::reference::Reference;
use crate::texts::{self, FRAGMENTS};

fn load(model: &Model, max_seq_length: usize) -> BoundedTokenizer {
    BoundedTokenizer::load(model.path(), max_seq_length).unwrap()
}

fn check_pair(tokenizer: &BoundedTokenizer, reference: &Reference, first: &str, second: &str) {
    let ours = tokenizer.session().encode_pair(first, second).unwrap();
    assert_eq!(ours, reference.encode_pair(first, second), "{first:?} and {second:?}");
}

/// Checks every pair of lengths up to 15, with an even and an odd number of tokens for both.
fn check_lengths(model: &Model) {
    for max_seq_length in [5, 6, 7, 12, 13, 16] {
        let tokenizer = load(model, max_seq_length);
        let reference = Reference::of(&tokenizer);
        for first in 0..16 {
            for second in 0..16 {
                check_pair(&tokenizer, &reference, &"영화 ".repeat(first), &"좋다 ".repeat(second));
            }
        }
    }
}

fn check_fragments(model: &Model) {
    for max_seq_length in [6, 16] {
        let tokenizer = load(model, max_seq_length);
        let reference = Reference::of(&tokenizer);
        FRAGMENTS.par_iter().for_each(|first| {
            for second in FRAGMENTS {
                check_pair(&tokenizer, &reference, first, second);
                check_pair(
                    &tokenizer,
                    &reference,
                    &format!("영화 {first} {second}"),
                    &format!("{second}{first} "),
                );
            }
        });
    }
}

#[test]
fn pairs_of_any_lengths_match_the_library() {
    check_lengths(&Model::word_piece());
    check_lengths(&Model::tokenizer_json(|_| ()));
    check_lengths(&Model::unigram(|_| ()));
}

#[test]
fn pairs_of_any_fragments_match_the_library() {
    check_fragments(&Model::word_piece());
    check_fragments(&Model::unigram(|_| ()));
}

#[test]
fn real_pairs_match_the_library() {
    let mut pairs = texts::pairs();
    let reviews = texts::reviews();
    pairs.extend(reviews.chunks_exact(2).take(5_000).map(|pair| (pair[0].clone(), pair[1].clone())));
    for model in texts::models() {
        for max_seq_length in [15, 24, 128] {
            let tokenizer = BoundedTokenizer::load(&model, max_seq_length).unwrap();
            let reference = Reference::of(&tokenizer);
            pairs.par_iter().for_each(|(first, second)| check_pair(&tokenizer, &reference, first, second));
        }
    }
}

#[test]
fn the_longer_text_is_truncated_first() {
    let check = |first, second, room, expect| assert_eq!(longest_first(first, second, room), expect);
    check(3, 4, 7, (3, 4));
    check(3, 9, 7, (3, 4));
    check(9, 3, 7, (4, 3));
    check(9, 9, 7, (3, 4));
    check(9, 8, 7, (4, 3));
    check(0, 9, 7, (0, 7));
}

#[test]
fn type_ids_stay_below_the_models_type_vocab_size() {
    let model = Model::word_piece();
    let types = || load(&model, 16).session().encode_pair("영화", "좋다").unwrap().type_ids;
    assert_eq!(types(), [0, 0, 0, 1, 1]);
    model.write(hub::CONFIG, r#"{"vocab_size": 12, "max_position_embeddings": 16, "type_vocab_size": 1}"#);
    assert_eq!(types(), [0; 5]);
}

#[test]
fn a_length_without_room_for_a_pair_is_refused() {
    let tokenizer = load(&Model::word_piece(), 3);
    assert_eq!(tokenizer.session().encode("좋다").unwrap().ids, [2, 7, 3]);
    let error = tokenizer.session().encode_pair("영화", "좋다").unwrap_err();
    assert_eq!(kind_of(&error).code(), 2);
    assert!(format!("{error:#}").contains("3 special ones to a pair"), "{error:#}");
}

/// Checks the properties that hold for the pieces of every text, and returns the pieces.
fn check_pieces(tokenizer: &BoundedTokenizer, text: &str) -> Vec<Piece> {
    let mut session = tokenizer.session();
    let pieces = session.pieces(text).unwrap();
    let ids: Vec<u32> = pieces.iter().map(|piece| piece.id).collect();
    assert_eq!(ids, tokenizer.ids(text, usize::MAX, &mut Default::default()).unwrap(), "{text:?}");
    let begins_word = pieces.iter().map(|piece| piece.begins_word).collect();
    let starts = WordStarts { ids: ids.clone(), begins_word };
    assert_eq!(session.word_starts(text).unwrap(), starts, "{text:?}: {pieces:?}");
    let framed = session.frame(&ids);
    if framed.ids.len() <= session.max_seq_length() {
        assert_eq!(framed.ids, session.encode(text).unwrap().ids, "{text:?}");
    }
    let length = text.chars().count() as u32;
    assert!(
        pieces.iter().all(|piece| piece.start <= piece.end && piece.end <= length),
        "{text:?}: {pieces:?}"
    );
    let in_order = |pair: &[Piece]| pair[0].start <= pair[1].start && pair[0].end <= pair[1].end;
    assert!(pieces.windows(2).all(in_order), "{text:?}: {pieces:?}");
    let places = tokenizer.hugging_face.encode_char_offsets(text, false).unwrap().get_offsets().to_vec();
    for (piece, (start, end)) in pieces.iter().zip(places) {
        let place: String = text.chars().skip(start).take(end - start).collect();
        assert_eq!(slice(text, piece), place.trim(), "{text:?}: {piece:?}");
    }
    let begun = pieces.iter().filter(|piece| piece.begins_word).count();
    assert!(begun <= text.split_whitespace().count(), "{text:?}: {pieces:?}");
    pieces
}

fn slice(text: &str, piece: &Piece) -> String {
    text.chars().skip(piece.start as usize).take((piece.end - piece.start) as usize).collect()
}

#[test]
fn pieces_of_any_text_have_valid_offsets() {
    let spaces_kept = Model::unigram(|tokenizer| {
        tokenizer.with_normalizer(Some(NFKC)).unwrap();
    });
    for model in [Model::word_piece(), Model::unigram(|_| ()), spaces_kept] {
        let tokenizer = load(&model, 16);
        FRAGMENTS.par_iter().for_each(|first| {
            for second in FRAGMENTS {
                check_pieces(&tokenizer, &format!("{first}{second}"));
                check_pieces(&tokenizer, &format!(" 영화 {first}  {second} 좋다"));
                check_pieces(&tokenizer, &format!("{first}  {second}  "));
            }
        });
    }
    let texts = texts::reviews();
    for model in texts::models() {
        let tokenizer = BoundedTokenizer::load(&model, 64).unwrap();
        texts.par_iter().take(5_000).for_each(|text| {
            check_pieces(&tokenizer, text);
        });
    }
}

/// Checks the texts of the pieces, with `^` before those that begin a word.
fn check_slices(model: &Model, text: &str, expect: &[&str]) {
    let pieces = check_pieces(&load(model, 16), text);
    let mark = |piece: &Piece| if piece.begins_word { "^" } else { "" };
    let slices: Vec<String> =
        pieces.iter().map(|piece| format!("{}{}", mark(piece), slice(text, piece))).collect();
    assert_eq!(slices, expect, "{text:?}");
}

#[test]
fn pieces_of_word_piece_are_slices_of_the_text() {
    let model = Model::word_piece();
    check_slices(&model, "", &[]);
    check_slices(&model, " 영화가  좋다! ", &["^영화", "가", "^좋다", "!"]);
    check_slices(&model, "😀뷁 good美", &["^😀뷁", "^good", "美"]);
    check_slices(&model, "영\u{0}화가\u{200b} 좋다", &["^영\u{0}화", "가", "^좋다"]);
    check_slices(&model, "좋다[MASK]\n영화", &["^좋다", "[MASK]", "^영화"]);
}

#[test]
fn pieces_of_unigram_are_slices_of_the_text() {
    let model = Model::unigram(|_| ());
    check_slices(&model, "", &[]);
    check_slices(&model, "영화가 좋다", &["^영화", "가", "^", "좋다"]);
    check_slices(&model, "  영화  좋다 ", &["^영화", "^", "좋다", ""]);
    check_slices(&model, "가 뷁", &["^가", "^", "뷁"]);
    check_slices(&model, "영화뷁뷁가", &["^영화", "뷁뷁", "가"]);
    check_slices(&model, "ᄋ\u{1167}\u{11bc}화가", &["^ᄋ\u{1167}\u{11bc}화", "가"]);
    check_slices(&model, "①②가 …!", &["^①", "①②", "가", "^", "…", "!"]);
    check_slices(&model, "가😀", &["^가", "😀"]);
}
