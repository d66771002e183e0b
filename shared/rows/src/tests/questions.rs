//! Questions in the forms that tools and `datasets` write.

use arrow::array::{ListArray, StructArray};
use arrow::datatypes::{Field, Fields, Int32Type};
use shared::schema::Answer;

use super::*;

const SHAPE: ExampleShape = ExampleShape { texts: Texts::QuestionInContext, truth: TruthKind::Answers };

fn read(format: FileFormat, bytes: &[u8]) -> Result<Vec<Row>> {
    read_shape(format, bytes, &FileColumns::default(), SHAPE)
}

fn answers(row: &Row) -> Vec<(u32, &str)> {
    row.truth.as_answers().unwrap().iter().map(|Answer { start, text }| (*start, text.as_str())).collect()
}

/// A line of JSON Lines with a question, its context and the JSON of further `keys`.
fn line(keys: &str) -> String {
    format!(r#"{{"question": "가", "context": "다라", {keys}}}"#)
}

/// A SQuAD file with one question, which has the JSON of further `keys`.
fn squad(keys: &str) -> String {
    let question = format!(r#"{{"question": "가", {keys}}}"#);
    format!(r#"{{"data": [{{"title": "t", "paragraphs": [{{"context": "다라", "qas": [{question}]}}]}}]}}"#)
}

fn check(format: FileFormat, text: &str, id: Option<&str>, expect: &[(u32, &str)]) {
    let rows = read(format, text.as_bytes()).unwrap();
    let [row] = rows.as_slice() else { panic!("{} rows in {text}", rows.len()) };
    assert_eq!((row.id.as_deref(), row.text.as_str(), row.text_pair.as_deref()), (id, "가", Some("다라")));
    assert_eq!(answers(row), expect, "{text}");
}

fn check_refused(format: FileFormat, text: &str, parts: &[&str]) {
    let message = format!("{:#}", read(format, text.as_bytes()).unwrap_err());
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

#[test]
fn answers_in_two_lists_are_read() {
    let two = r#""answers": {"text": ["다", "라"], "answer_start": [0, 1]}"#;
    let none = r#""answers": {"text": [], "answer_start": []}"#;
    for format in [FileFormat::Jsonl, FileFormat::Json] {
        check(format, &line(two), None, &[(0, "다"), (1, "라")]);
        check(format, &line(none), None, &[]);
        check(format, &line(r#""answers": {"text": "라", "answer_start": 1.0}"#), None, &[(1, "라")]);
    }
    check(FileFormat::Squad, &squad(&format!(r#""id": "1", {two}"#)), Some("1"), &[(0, "다"), (1, "라")]);
    let unequal = r#""answers": {"text": ["다"], "answer_start": [0, 1]}"#;
    check_refused(
        FileFormat::Jsonl,
        &line(unequal),
        &["line 1", "as many answers in `text` as in `answer_start`"],
    );
    check_refused(FileFormat::Jsonl, &line(r#""answers": {"text": ["다"]}"#), &["`answers` is not a list"]);
}

#[test]
fn answers_in_two_lists_are_read_from_parquet() {
    let texts = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), Some([Some(0)])]);
    let strings = {
        let mut builder = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
        builder.append_value([Some("라")]);
        builder.append_value([Some("다")]);
        builder.finish()
    };
    let field =
        |name: &str, array: &ListArray| Field::new(name, arrow::array::Array::data_type(array).clone(), true);
    let fields = Fields::from(vec![field("text", &strings), field("answer_start", &texts)]);
    let answers_column = StructArray::new(fields, vec![Arc::new(strings), Arc::new(texts)], None);
    let strings = |texts: [&str; 2]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let columns: [(&str, ArrayRef); 4] = [
        ("context", strings(["다라", "다라"])),
        ("question", strings(["가", "가"])),
        ("answers", Arc::new(answers_column)),
        ("is_impossible", Arc::new(BooleanArray::from(vec![false, true]))),
    ];
    let rows = read(FileFormat::Parquet, &parquet_of(&columns)).unwrap();
    assert_eq!(rows.iter().map(answers).collect::<Vec<_>>(), [vec![(1, "라")], vec![]]);
}

/// KLUE-MRC in `datasets` has plausible answers for such questions.
#[test]
fn an_impossible_question_has_no_answers() {
    let plausible = r#""is_impossible": true, "answers": {"text": ["라"], "answer_start": [1]}"#;
    check(FileFormat::Jsonl, &line(plausible), None, &[]);
    check(FileFormat::Jsonl, &line(r#""is_impossible": 1, "answers": null"#), None, &[]);
    let answer = r#""answers": [{"text": "라", "answer_start": 1}]"#;
    for possible in ["false", "null", "0"] {
        check(
            FileFormat::Jsonl,
            &line(&format!(r#""is_impossible": {possible}, {answer}"#)),
            None,
            &[(1, "라")],
        );
        let keys = format!(r#""id": "q", "is_impossible": {possible}, {answer}"#);
        check(FileFormat::Squad, &squad(&keys), Some("q"), &[(1, "라")]);
    }
    for dummy in [
        r#"[{"text": "", "answer_start": -1}]"#,
        r#"[{"text": "라", "answer_start": 1}]"#,
        "null",
        "[]",
        "\"\"",
    ] {
        let keys = format!(r#""id": "q", "is_impossible": true, "answers": {dummy}"#);
        check(FileFormat::Squad, &squad(&keys), Some("q"), &[]);
    }
    check_refused(
        FileFormat::Jsonl,
        &line(r#""is_impossible": "no", "answers": []"#),
        &["`is_impossible` is not true"],
    );
    check_refused(FileFormat::Jsonl, &line(r#""answers": null"#), &["`answers` is missing"]);
}

#[test]
fn variants_of_squad_are_read() {
    let answer = r#""answers": [{"text": "라", "answer_start": 1}]"#;
    check(FileFormat::Squad, &squad(&format!(r#""id": 7, {answer}"#)), Some("7"), &[(1, "라")]);
    check(
        FileFormat::Squad,
        &squad(&format!(r#""id": null, "guid": "g", {answer}"#)),
        Some("g"),
        &[(1, "라")],
    );
    check(FileFormat::Squad, &squad(r#""id": "q", "answers": null"#), Some("q"), &[]);
    check(
        FileFormat::Squad,
        &format!("\u{feff}{}", squad(&format!(r#""id": "q", {answer}"#))),
        Some("q"),
        &[(1, "라")],
    );
    let question = line(&format!(r#""id": "q", {answer}"#));
    check(FileFormat::Squad, &format!("[{question}]"), Some("q"), &[(1, "라")]);
    check(FileFormat::Squad, &format!(r#"{{"version": 1, "data": [{question}]}}"#), Some("q"), &[(1, "라")]);
}

#[test]
fn errors_in_a_question_name_its_id() {
    let refused = |keys: &str, parts: &[&str]| check_refused(FileFormat::Squad, &squad(keys), parts);
    let empty = r#""id": "q7", "is_impossible": false, "answers": [{"text": "", "answer_start": 0}]"#;
    refused(
        empty,
        &["own.data, row 1 (id `q7`): `answers` is not a list of answers with a text", "is_impossible"],
    );
    refused(r#""id": "q7", "answers": [{"text": "라", "answer_start": -1}]"#, &["(id `q7`)", "from 0 on"]);
    refused(r#""id": "q7", "answers": "라""#, &["(id `q7`): `answers` is not a list of answers"]);
    refused(r#""id": "q7", "is_impossible": "maybe""#, &["(id `q7`): `is_impossible` is not true or false"]);
    refused(r#""id": ["q7"]"#, &["row 1: `id` is not a string or an integer"]);
    refused(r#""answers": []"#, &["row 1: the question has no `id`"]);
    check_refused(FileFormat::Squad, r#"{"question": "가"}"#, &["no articles in `data`", "\"json\""]);
}
