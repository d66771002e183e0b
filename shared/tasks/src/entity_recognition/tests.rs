use shared::config::Aggregation;
use shared::fault::kind_of;
use shared::metric::Metric;
use shared::schema;
use shared::task::Task;

use super::*;
use crate::fixture::{CLS, FIRST, FixtureTokenizer, SEP, SPACE, UNKNOWN};
use crate::{Details, score};

/// Outputs are O, B-PS, I-PS, B-LC, I-LC.
fn params(stride: usize) -> TaskParams {
    let mut params = TaskParams { labels: vec!["PS".into(), "LC".into()], ..TaskParams::default() };
    params.entity_recognition.stride = stride;
    params
}

fn entities(parts: &[(u32, u32, &str)]) -> Vec<schema::Entity> {
    let entity = |&(start, end, label): &(u32, u32, &str)| schema::Entity { start, end, label: label.into() };
    parts.iter().map(entity).collect()
}

fn example(text: &str, truth: Truth) -> Example {
    Example { example_id: "7".into(), text: text.into(), text_pair: None, truth }
}

fn marked(text: &str, parts: &[(u32, u32, &str)]) -> Example {
    example(text, Truth::Entities(entities(parts)))
}

const VOCABULARY: &str = "이순신 은 는 서울 시 에 서 a b c d e f g h ( 홍 (홍 길동";

fn encode(example: &Example, max_seq_length: usize, stride: usize) -> Result<Vec<Encoded>> {
    let mut tokenizer = FixtureTokenizer::new(VOCABULARY, max_seq_length);
    EntityRecognition.encode(example, &params(stride), &mut tokenizer)
}

fn tags_of_row(row: &Encoded) -> Vec<i64> {
    let Targets::Tags(tags) = &row.features.targets else { panic!("{:?}", row.features.targets) };
    tags.clone()
}

/// A model that is correct on tokens with a place, and predicts B-LC elsewhere.
fn perfect(row: &Encoded) -> Output {
    let said = tags_of_row(row).into_iter().map(|tag| if tag == Targets::IGNORED { 3 } else { tag });
    Output::Logits(
        said.flat_map(|tag| (0..5).map(move |label| if label == tag { 9.0 } else { 0.0 })).collect(),
    )
}

fn decode(example: &Example, rows: &[Encoded], outputs: &[Output]) -> Vec<PredictedEntity> {
    let windows = rows.iter().zip(outputs).map(|(row, output)| Window { features: &row.features, output });
    let decoded = EntityRecognition.decode(example, &windows.collect::<Vec<_>>(), &params(0)).unwrap();
    let Decoded::Entities { entities, .. } = decoded else { panic!("{decoded:?}") };
    entities
}

/// Encodes entities as tags of tokens in windows of every kind, and decodes them.
fn check_round_trip(text: &str, parts: &[(u32, u32, &str)], expect: &[(u32, u32, &str)]) {
    let example = marked(text, parts);
    for (max_seq_length, stride) in [(64, 32), (6, 2), (6, 3), (5, 0), (3, 0)] {
        let rows = encode(&example, max_seq_length, stride).unwrap();
        let outputs: Vec<Output> = rows.iter().map(perfect).collect();
        let found = decode(&example, &rows, &outputs);
        let found: Vec<_> =
            found.iter().map(|found| (found.start, found.end, found.label.as_str())).collect();
        assert_eq!(found, expect, "{text:?} in windows of {max_seq_length}, {stride} of them in two");
    }
}

fn check_kept(text: &str, parts: &[(u32, u32, &str)]) {
    check_round_trip(text, parts, parts);
}

#[test]
fn entities_are_restored_from_the_tags_of_tokens() {
    check_kept("이순신은 서울시에서", &[(0, 3, "PS"), (5, 7, "LC")]);
    check_kept("은 서울", &[(2, 4, "LC")]);
    check_kept("a 이순신 b", &[(2, 5, "PS")]);
    check_kept("a b", &[]);
    check_kept("", &[]);
    check_kept(" ", &[]);
}

#[test]
fn neighbouring_entities_of_one_class_stay_separate() {
    check_kept("abcd", &[(0, 2, "PS"), (2, 4, "PS")]);
    check_kept("ab cd", &[(0, 2, "PS"), (3, 5, "PS")]);
    check_kept("abcd", &[(0, 2, "PS"), (2, 4, "LC")]);
}

#[test]
fn an_entity_can_span_whitespace_and_windows() {
    check_kept("a 서울 은  a 시 에서", &[(2, 11, "LC")]);
    check_kept("a b c d e f g h a b c d", &[(0, 21, "PS")]);
    check_kept("abcdefgh", &[(3, 8, "PS")]);
}

#[test]
fn an_entity_that_ends_inside_a_token_takes_the_whole_token() {
    // The second word is not in the vocabulary.
    check_round_trip("a 뷁뷁은 b", &[(2, 4, "PS")], &[(2, 5, "PS")]);
    // White space at the end of an entity does not belong to a token.
    check_round_trip("a 서울 은", &[(2, 5, "LC")], &[(2, 4, "LC")]);
}

#[test]
fn an_entity_that_begins_inside_a_token_is_lost() {
    check_round_trip("(홍길동은", &[(1, 4, "PS")], &[]);
}

fn check_alignment(text: &str, parts: &[(u32, u32, &str)], exact: u64) {
    let rows = encode(&marked(text, parts), 4, 0).unwrap();
    let all: Vec<Alignment> = rows.iter().map(|row| row.alignment).collect();
    assert_eq!(all[0], Alignment { marked: parts.len() as u64, exact }, "{text:?}");
    assert!(all[1..].iter().all(|later| *later == Alignment::default()), "{text:?}");
}

#[test]
fn entities_at_token_boundaries_are_counted() {
    check_alignment("이순신은 서울시", &[(0, 3, "PS"), (5, 8, "LC")], 2);
    check_alignment("a 뷁뷁은 이순신", &[(2, 4, "PS"), (6, 9, "PS")], 1);
    check_alignment("(홍길동은", &[(1, 4, "PS")], 0);
    check_alignment("", &[], 0);
}

fn check_row(text: &str, parts: &[(u32, u32, &str)], ids: &[u32], tags: &[i64], places: &[(i32, i32)]) {
    let rows = encode(&marked(text, parts), 16, 4).unwrap();
    assert_eq!(rows.len(), 1);
    let features = &rows[0].features;
    assert_eq!(features.input_ids, ids.iter().map(|&id| id as i32).collect::<Vec<_>>(), "{text:?}");
    assert_eq!(tags_of_row(&rows[0]), tags, "{text:?}");
    let found: Vec<_> = features.offsets.iter().map(|offset| (offset.start, offset.end)).collect();
    assert_eq!(found, places, "{text:?}");
}

#[test]
fn tokens_have_the_tag_and_the_place_of_their_characters() {
    let nowhere = (-1, -1);
    let ids = [CLS, FIRST, FIRST + 1, SPACE, UNKNOWN, SEP];
    let places = [nowhere, (0, 3), (3, 4), nowhere, (6, 8), nowhere];
    check_row("이순신은  뷁은", &[(0, 3, "PS"), (6, 7, "LC")], &ids, &[-100, 1, 0, -100, 3, -100], &places);
    check_row("이순신은  뷁은", &[(0, 8, "PS")], &ids, &[-100, 1, 2, -100, 2, -100], &places);
    check_row("", &[], &[CLS, SEP], &[-100, -100], &[nowhere, nowhere]);
}

#[test]
fn a_character_of_two_tokens_has_one_place() {
    let piece = |start, end| Piece { id: 9, start, end, begins_word: false };
    let places = places(&[piece(0, 0), piece(0, 1), piece(0, 1), piece(0, 3), piece(3, 3), piece(3, 4)]);
    let places: Vec<_> = places.unwrap().iter().map(|place| (place.start, place.end)).collect();
    assert_eq!(places, [(-1, -1), (0, 1), (-1, -1), (1, 3), (-1, -1), (3, 4)]);
}

#[test]
fn a_token_in_two_windows_counts_in_the_one_with_more_context() {
    let example = marked("a b c d e", &[(4, 7, "PS")]);
    let rows = encode(&example, 6, 2).unwrap();
    let tags: Vec<_> = rows.iter().map(tags_of_row).collect();
    assert_eq!(tags, [vec![-100, 0, 0, 1, -100, -100], vec![-100, -100, 2, 0, -100]]);
    assert!(rows.iter().all(|row| !row.truncated));
    assert_eq!(rows.iter().map(|row| row.pieces).sum::<u64>(), 7);
    // The prediction of the other window is ignored.
    let outputs = [perfect(&rows[0]), perfect(&rows[1])];
    let found = decode(&example, &rows, &outputs);
    assert_eq!((found[0].start, found[0].end, found.len()), (4, 7, 1));
    let each = 9f32.exp() / (9f32.exp() + 4.0);
    assert!((found[0].probability - each).abs() < 1e-6);
}

#[test]
fn a_stray_inside_tag_is_outside_of_entities() {
    let example = marked("a b c", &[]);
    let rows = encode(&example, 8, 2).unwrap();
    let output = |tags: [usize; 5]| {
        Output::Logits(tags.iter().flat_map(|&tag| (0..5).map(move |i| f32::from(i == tag))).collect())
    };
    let found = |tags| decode(&example, &rows, &[output(tags)]);
    assert_eq!(found([0, 2, 2, 4, 0]), []);
    assert_eq!(found([1, 1, 2, 4, 2])[0].end, 3);
}

#[test]
fn a_text_without_labels_has_the_same_offsets() {
    let rows = encode(&example("a 이순신은", Truth::Unknown), 4, 1).unwrap();
    assert_eq!(rows.iter().map(|row| &row.features.targets).collect::<Vec<_>>(), [&Targets::Unknown; 2]);
    let marked = encode(&marked("a 이순신은", &[(2, 5, "PS")]), 4, 1).unwrap();
    let places = |rows: &[Encoded]| rows.iter().map(|row| row.features.offsets.clone()).collect::<Vec<_>>();
    assert_eq!(places(&rows), places(&marked));
}

fn check_refused(parts: &[(u32, u32, &str)], max_seq_length: usize, code: u8, expect: &str) {
    let error = encode(&marked("a b c", parts), max_seq_length, 2).unwrap_err();
    assert_eq!(kind_of(&error).code(), code, "{error:#}");
    assert!(format!("{error:#}").contains(expect), "{error:#}");
}

#[test]
fn invalid_entities_and_strides_are_refused() {
    check_refused(&[(0, 1, "XX")], 8, 3, "the label `XX` is not in the list `PS`, `LC`");
    check_refused(&[(0, 6, "PS")], 8, 3, "ends after its text");
    check_refused(&[(0, 3, "PS"), (2, 5, "PS")], 8, 3, "overlaps");
    check_refused(&[], 4, 2, "`entity_recognition.stride`");
}

fn prediction(text: &str, truth: &[(u32, u32, &str)], predicted: &[(u32, u32, &str)]) -> Prediction {
    let predicted = predicted.iter().map(|&(start, end, label)| PredictedEntity {
        start,
        end,
        label: label.into(),
        probability: 1.0,
    });
    Prediction {
        example_id: "7".into(),
        truth: Truth::Entities(entities(truth)),
        decoded: Decoded::Entities { text: text.into(), entities: predicted.collect() },
        logits: Vec::new(),
    }
}

#[test]
fn entities_and_characters_are_scored() {
    let rows = [
        prediction("이순신은 서울", &[(0, 3, "PS"), (5, 7, "LC")], &[(0, 3, "PS"), (6, 7, "LC")]),
        prediction("a b", &[(0, 3, "PS")], &[(0, 3, "PS")]),
    ];
    let scores = score(Task::EntityRecognition, &rows, &params(0)).unwrap();
    let get = |metric| scores.metric_values.get(metric).unwrap();
    assert_eq!(
        Task::EntityRecognition
            .metrics(&params(0).entity_recognition)
            .iter()
            .filter(|&&metric| get(metric).is_nan())
            .count(),
        0
    );
    assert_eq!((get(Metric::EntityF1), get(Metric::MacroF1)), (2.0 / 3.0, 0.5));
    // O: 1 of 2 predicted. B-PS, I-PS: all; the space is no character. B-LC, I-LC: none.
    assert!((get(Metric::CharacterF1) - (2.0 / 3.0 + 2.0) / 5.0).abs() < 1e-12);
    let Details::Labels { classes } = &scores.details else { panic!("{:?}", scores.details) };
    assert_eq!((classes[0].f1, classes[1].f1, classes[0].support), (1.0, 0.0, 2));
}

#[test]
fn only_labelled_texts_are_scored() {
    let unmarked = Prediction { truth: Truth::Unknown, ..prediction("a", &[], &[]) };
    let error = score(Task::EntityRecognition, &[unmarked], &params(0)).unwrap_err();
    assert_eq!(kind_of(&error).code(), 3, "{error:#}");
}

fn by_words(aggregation: Option<Aggregation>) -> TaskParams {
    let mut params = params(0);
    params.entity_recognition.unit = EntityUnit::Word;
    params.reading = aggregation.map(|aggregation| TokenReading {
        aggregation,
        continuing: None,
        unknown: Some(i32::try_from(UNKNOWN).unwrap()),
    });
    params
}

#[test]
fn only_the_first_token_of_a_word_has_a_target() {
    let example = marked("이순신은 서울시에서 a", &[(0, 4, "PS"), (5, 10, "LC")]);
    let mut tokenizer = FixtureTokenizer::new(VOCABULARY, 16);
    let rows = EntityRecognition.encode(&example, &by_words(None), &mut tokenizer).unwrap();
    assert_eq!(tags_of_row(&rows[0]), [-100, 1, -100, 3, -100, -100, -100, 0, -100]);
    assert_eq!(rows[0].alignment, Alignment { marked: 2, exact: 2 });
    let note = EntityRecognition.note(&by_words(None)).unwrap().1;
    assert_eq!(note, serde_json::json!({"unit": "word"}));
}

/// A model that is correct on the first tokens of words, and predicts I-LC on all others.
#[test]
fn a_word_has_the_tag_of_its_first_token() {
    let parts = [(0, 4, "PS"), (5, 10, "LC")];
    let example = marked("이순신은 서울시에서 a", &parts);
    for (max_seq_length, stride) in [(64, 32), (6, 2), (5, 0), (3, 0)] {
        let mut params = by_words(None);
        params.entity_recognition.stride = stride;
        let mut tokenizer = FixtureTokenizer::new(VOCABULARY, max_seq_length);
        let rows = EntityRecognition.encode(&example, &params, &mut tokenizer).unwrap();
        let outputs: Vec<Output> = rows.iter().map(perfect).collect();
        let windows: Vec<Window<'_>> = rows
            .iter()
            .zip(&outputs)
            .map(|(row, output)| Window { features: &row.features, output })
            .collect();
        let Decoded::Entities { entities, .. } =
            EntityRecognition.decode(&example, &windows, &params).unwrap()
        else {
            panic!("no entities")
        };
        let found: Vec<_> = entities.iter().map(|e| (e.start, e.end, e.label.as_str())).collect();
        assert_eq!(found, parts, "in windows of {max_seq_length}");
    }
}

#[test]
fn parts_of_speech_are_one_label_per_word() {
    let mut params = by_words(None);
    params.labels = vec!["NOUN".into(), "VERB".into()];
    params.entity_recognition.scheme = Some(TagScheme::Plain);
    assert_eq!(EntityRecognition.outputs(&params), ["NOUN", "VERB"]);
    assert_eq!(
        Task::EntityRecognition.metrics(&params.entity_recognition),
        [Metric::Accuracy, Metric::MacroF1]
    );
    let example = marked("서울시 a", &[(0, 3, "NOUN"), (4, 5, "VERB")]);
    let mut tokenizer = FixtureTokenizer::new(VOCABULARY, 16);
    let rows = EntityRecognition.encode(&example, &params, &mut tokenizer).unwrap();
    assert_eq!(tags_of_row(&rows[0]), [-100, 0, -100, 1, -100]);
    let predictions = [
        prediction("서울시 a", &[(0, 3, "NOUN"), (4, 5, "VERB")], &[(0, 3, "NOUN"), (4, 5, "NOUN")]),
        prediction("서울시 a", &[(0, 3, "NOUN"), (4, 5, "NOUN")], &[(0, 3, "NOUN"), (4, 5, "NOUN")]),
    ];
    let scores = score(Task::EntityRecognition, &predictions, &params).unwrap();
    assert_eq!(scores.metric_values.get(Metric::Accuracy), Some(0.75));
}
