use shared::fault::kind_of;
use shared::task::Task;

use super::*;
use crate::fixture::{CLS, FIRST, FixtureTokenizer, SEP};
use crate::score;

/// Eight pieces of two characters each.
const CONTEXT: &str = "가가 나나 다다 라라 마마 바바 사사 아아";
const VOCABULARY: &str = "가가 나나 다다 라라 마마 바바 사사 아아 어디 é 한";
/// A piece.
const QUESTION: &str = "어디";
/// The length that leaves four pieces of the context beside the question, so that windows begin at every second piece.
const LENGTH: usize = 8;

fn keys() -> QuestionAnsweringConfig {
    QuestionAnsweringConfig { doc_stride: 2, max_query_length: 2, ..Default::default() }
}

fn sometimes() -> QuestionAnsweringConfig {
    QuestionAnsweringConfig { answerable: Answerable::Sometimes, ..keys() }
}

fn answers(answers: &[(u32, &str)]) -> Truth {
    Truth::Answers(answers.iter().map(|&(start, text)| Answer { start, text: text.into() }).collect())
}

fn example(question: &str, context: &str, truth: Truth) -> Example {
    Example { example_id: "1".into(), text: question.into(), text_pair: Some(context.into()), truth }
}

fn params(keys: QuestionAnsweringConfig) -> TaskParams {
    TaskParams { question_answering: keys, ..TaskParams::default() }
}

fn encode(example: &Example, keys: QuestionAnsweringConfig, max_seq_length: usize) -> Result<Vec<Encoded>> {
    QuestionAnswering.encode(example, &params(keys), &mut FixtureTokenizer::new(VOCABULARY, max_seq_length))
}

fn slice(text: &str, start: i32, end: i32) -> String {
    text.chars().skip(start as usize).take((end - start) as usize).collect()
}

/// Checks the target of every window of `context` as text; an empty text means that the answer is not in the window.
fn check_windows(context: &str, truth: Truth, expect: &[&str]) {
    let rows = encode(&example(QUESTION, context, truth), sometimes(), LENGTH).unwrap();
    let target = |row: &Encoded| match row.features.targets {
        Targets::Span { start: 0, end: 0 } => String::new(),
        Targets::Span { start, end } => {
            let offsets = &row.features.offsets;
            slice(context, offsets[start as usize].start, offsets[end as usize].end)
        }
        _ => panic!("{row:?}"),
    };
    assert_eq!(rows.iter().map(target).collect::<Vec<_>>(), expect);
}

#[test]
fn an_answer_is_in_every_window_that_has_it_whole() {
    check_windows(CONTEXT, answers(&[(0, "가가")]), &["가가", "", ""]);
    check_windows(CONTEXT, answers(&[(21, "아아")]), &["", "", "아아"]);
    check_windows(CONTEXT, answers(&[(6, "다다 라라")]), &["다다 라라", "다다 라라", ""]);
    check_windows(CONTEXT, answers(&[(9, "라라 마마")]), &["", "라라 마마", ""]);
    check_windows(CONTEXT, answers(&[(3, "나나 다다 라라 마마 바바")]), &["", "", ""]);
    check_windows("가가", answers(&[(0, "가가")]), &["가가"]);
}

#[test]
fn the_first_of_several_answers_is_the_target() {
    check_windows(CONTEXT, answers(&[(3, "나나"), (0, "가가")]), &["나나", "", ""]);
}

#[test]
fn without_an_answer_every_window_has_the_empty_span() {
    check_windows(CONTEXT, answers(&[]), &["", "", ""]);
    check_windows(CONTEXT, answers(&[(4, "")]), &["", "", ""]);
    check_windows("", answers(&[]), &[""]);
}

#[test]
fn an_answer_inside_pieces_takes_the_whole_pieces() {
    check_windows(CONTEXT, answers(&[(7, "다 라")]), &["다다 라라", "다다 라라", ""]);
    check_windows("가가나나다다 라라", answers(&[(1, "가나")]), &["가가나나"]);
    check_windows("가가나나다다 라라", answers(&[(2, "나나")]), &["나나"]);
    check_windows("가나다라 마마", answers(&[(1, "나다")]), &["가나다라"]);
}

#[test]
fn places_are_characters_and_white_space_has_none() {
    check_windows("😀é 한글 a", answers(&[(3, "한글")]), &["한글"]);
    check_windows("가가   나나  다다", answers(&[(5, "나나")]), &["나나", "나나"]);
    check_windows("가가   나나", answers(&[(2, "   나나")]), &["나나"]);
}

#[test]
fn a_row_is_the_question_and_a_window() {
    let rows = encode(&example(QUESTION, CONTEXT, answers(&[(0, "가가")])), keys(), LENGTH).unwrap();
    let second = &rows[1].features;
    let ids = [CLS, FIRST + 8, SEP, FIRST + 2, FIRST + 3, FIRST + 4, FIRST + 5, SEP];
    assert_eq!(second.input_ids, ids.map(|id| id as i32));
    assert_eq!(second.token_type_ids, [0, 0, 0, 1, 1, 1, 1, 1]);
    let places = [6, 9, 12, 15].map(|start| Offset { start, end: start + 2 });
    let none = [Offset::NOWHERE; 3];
    assert_eq!(second.offsets, [&none[..], &places, &none[..1]].concat());
    assert_eq!((rows[1].pieces, rows[1].truncated), (5, false));
}

#[test]
fn a_long_question_is_truncated_and_leaves_room_for_the_context() {
    let rows = encode(&example("가가 나나 다다", CONTEXT, answers(&[(0, "가가")])), keys(), LENGTH).unwrap();
    assert!(rows.iter().all(|row| row.truncated && row.features.input_ids.len() == LENGTH));
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[0].features.targets, Targets::Span { start: 4, end: 4 });
}

#[test]
fn a_question_without_truth_has_unknown_targets() {
    let rows = encode(&example(QUESTION, CONTEXT, Truth::Unknown), keys(), LENGTH).unwrap();
    assert!(rows.iter().all(|row| row.features.targets == Targets::Unknown));
}

#[test]
fn invalid_answers_and_short_windows_are_refused() {
    let check = |truth, length, code, part: &str| {
        let error = encode(&example(QUESTION, CONTEXT, truth), keys(), length).unwrap_err();
        assert_eq!(kind_of(&error).code(), code, "{error:#}");
        assert!(format!("{error:#}").contains(part), "{error:#}");
    };
    check(answers(&[(1, "가가")]), LENGTH, 3, "`가가` is not at character 1");
    check(answers(&[(99, "가가")]), LENGTH, 3, "at character 99");
    check(answers(&[]), LENGTH, 2, "`question_answering.answerable`");
    check(answers(&[(0, "가가")]), LENGTH - 1, 2, "3 special tokens take 7");
}

/// `logits` gives the start and end logits of a window's piece by its text, or of `[CLS]`.
fn decode(
    context: &str,
    keys: QuestionAnsweringConfig,
    logits: impl Fn(usize, &str) -> (f32, f32),
) -> Vec<Candidate> {
    let example = example(QUESTION, context, Truth::Unknown);
    let rows = encode(&example, keys.clone(), LENGTH).unwrap();
    let output = |(window, row): (usize, &Encoded)| {
        let text = |(index, offset): (usize, &Offset)| match index {
            0 => "[CLS]".to_owned(),
            _ => slice(context, offset.start, offset.end),
        };
        let texts = row.features.offsets.iter().enumerate().map(text);
        let (starts, ends): (Vec<f32>, Vec<f32>) = texts.map(|text| logits(window, &text)).unzip();
        Output::Logits([starts, ends].concat())
    };
    let outputs: Vec<Output> = rows.iter().enumerate().map(output).collect();
    let windows = rows.iter().zip(&outputs).map(|(row, output)| Window { features: &row.features, output });
    let decoded = QuestionAnswering.decode(&example, &windows.collect::<Vec<_>>(), &params(keys)).unwrap();
    let Decoded::Answers { answers } = decoded else { panic!("{decoded:?}") };
    answers
}

fn texts(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().map(|candidate| candidate.text.as_str()).collect()
}

#[test]
fn the_best_span_of_all_windows_is_the_answer() {
    let three_best = QuestionAnsweringConfig { n_best: 3, ..keys() };
    let found = decode(CONTEXT, three_best, |window, text| match (window, text) {
        (0, "다다") => (3.0, 0.0),
        (0, "라라") => (0.0, 3.0),
        // It is in a second window too, with a better score.
        (1, "다다") => (3.5, 0.0),
        (1, "라라") => (0.0, 3.5),
        (2, "아아") => (4.0, 4.0),
        _ => (-9.0, -9.0),
    });
    let candidate = |text: &str, start, end, score: f32| {
        let probability = score.exp() / (8f32.exp() + 7f32.exp() + 3.5f32.exp());
        Candidate { text: text.into(), start, end, probability }
    };
    // `라라` has the score of the last candidate too, but is later in the context.
    let expect =
        [candidate("아아", 21, 23, 8.0), candidate("다다 라라", 6, 11, 7.0), candidate("다다", 6, 8, 3.5)];
    for (found, expect) in found.iter().zip(&expect) {
        assert_eq!((&found.text, found.start, found.end), (&expect.text, expect.start, expect.end));
        assert!((found.probability - expect.probability).abs() < 1e-6, "{found:?}");
    }
    assert_eq!(found.len(), 3);
}

#[test]
fn only_valid_spans_are_candidates() {
    let check = |max_answer_length, expect: &str| {
        let keys = QuestionAnsweringConfig { max_answer_length, n_best: 1, ..keys() };
        let found = decode(CONTEXT, keys, |window, text| match (window, text) {
            (0, "나나") => (9.0, 1.0),
            (0, "라라") => (1.0, 8.0),
            // This end is before every start.
            (0, "가가") => (-9.0, 9.0),
            _ => (-5.0, -5.0),
        });
        assert_eq!(texts(&found), [expect]);
    };
    check(3, "나나 다다 라라");
    check(2, "나나");
}

#[test]
fn answers_are_exact_substrings_of_the_context() {
    let logits = |_, text: &str| match text {
        "é" => (5.0, 0.0),
        "한" => (0.0, 5.0),
        // White space, special tokens and the question are not part of an answer.
        "" => (9.0, 9.0),
        _ => (-9.0, -9.0),
    };
    let keys = QuestionAnsweringConfig { n_best: 1, ..keys() };
    let found = decode("😀😀   é \u{3000}한", keys, logits);
    assert_eq!((found[0].start, found[0].end), (5, 9));
    assert_eq!(texts(&found), ["é \u{3000}한"]);
}

/// `null` are the scores of "no answer" in the three windows; the score of the best answer is 6.
fn check_null(null: [f32; 3], keys: QuestionAnsweringConfig, expect: &[&str]) {
    let found = decode(CONTEXT, QuestionAnsweringConfig { n_best: 2, ..keys }, |window, text| match text {
        "[CLS]" => (null[window], 0.0),
        "사사" => (3.0, 3.0),
        "가가" => (2.0, 2.0),
        _ => (-9.0, -9.0),
    });
    assert_eq!(texts(&found), expect);
    let sum: f32 = found.iter().map(|candidate| candidate.probability).sum();
    assert!((sum - 1.0).abs() < 1e-6);
}

#[test]
fn no_answer_is_predicted_if_every_window_prefers_it() {
    check_null([9.0, 8.0, 7.0], sometimes(), &["", "사사", "가가"]);
    check_null([9.0, 8.0, 5.0], sometimes(), &["사사", "", "가가"]);
    check_null([9.0, 1.0, 9.0], sometimes(), &["사사", "가가", ""]);
    check_null([9.0, 9.0, 9.0], keys(), &["사사", "가가"]);
}

#[test]
fn no_answer_must_exceed_the_best_answer_by_the_threshold() {
    let threshold =
        |null_score_diff_threshold| QuestionAnsweringConfig { null_score_diff_threshold, ..sometimes() };
    check_null([7.0; 3], threshold(0.5), &["", "사사", "가가"]);
    check_null([7.0; 3], threshold(1.0), &["사사", "", "가가"]);
    check_null([5.0; 3], threshold(-1.5), &["", "사사", "가가"]);
}

#[test]
fn an_empty_context_has_no_answer() {
    assert_eq!(texts(&decode("", keys(), |_, _| (0.0, 0.0))), [""; 0]);
    assert_eq!(texts(&decode("", sometimes(), |_, _| (0.0, 0.0))), [""]);
}

#[test]
fn outputs_of_another_row_are_refused() {
    let example = example(QUESTION, CONTEXT, Truth::Unknown);
    let rows = encode(&example, keys(), LENGTH).unwrap();
    let output = Output::Logits(vec![0.0; 5]);
    let window = [Window { features: &rows[0].features, output: &output }];
    let error = QuestionAnswering.decode(&example, &window, &params(keys())).unwrap_err();
    assert_eq!(format!("{error:#}"), "the model gives 5 logits for 8 tokens");
}

#[test]
fn scores_are_those_of_the_best_answers() {
    let prediction = |truth, texts: &[&str]| Prediction {
        example_id: "1".into(),
        truth,
        decoded: Decoded::Answers {
            answers: texts
                .iter()
                .map(|&text| Candidate { text: text.into(), start: 0, end: 0, probability: 0.5 })
                .collect(),
        },
        logits: Vec::new(),
    };
    let check = |predictions: &[Prediction], exact_match: f64, f1: f64| {
        let metric_values =
            score(Task::QuestionAnswering, predictions, &params(keys())).unwrap().metric_values;
        assert!(
            (metric_values.get(Metric::ExactMatch).unwrap() - exact_match).abs() < 1e-12,
            "{metric_values:?}"
        );
        assert!((metric_values.get(Metric::F1).unwrap() - f1).abs() < 1e-12, "{metric_values:?}");
    };
    let two = || answers(&[(0, "서울"), (5, "서울시")]);
    check(&[prediction(two(), &["서울시", "부산"])], 1.0, 1.0);
    check(&[prediction(two(), &["서울에서"]), prediction(answers(&[]), &[""])], 0.5, 5.0 / 6.0);
    check(&[prediction(answers(&[]), &["서울"]), prediction(two(), &[])], 0.0, 0.0);
    assert!(score(Task::QuestionAnswering, &[prediction(Truth::Unknown, &[""])], &params(keys())).is_err());
}
