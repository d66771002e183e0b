use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use shared::fault::kind_of;
use shared::schema::{Answer, Entity};

use super::*;

type Fields<'a> = (Place, Option<&'a str>, &'a str, &'a str);

const LABELLED: ExampleShape = ExampleShape { texts: Texts::One, truth: TruthKind::Label };

fn columns() -> FileColumns {
    FileColumns { id: Some("id".into()), ..FileColumns::default() }
}

fn read(format: FileFormat, bytes: &[u8], columns: &FileColumns) -> Result<Vec<Row>> {
    read_shape(format, bytes, columns, LABELLED)
}

fn read_shape(
    format: FileFormat,
    bytes: &[u8],
    columns: &FileColumns,
    shape: ExampleShape,
) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.data");
    std::fs::write(&path, bytes).unwrap();
    let file = RawFile { shown: "own.data".into(), ..RawFile::local(&path, "own.data".into()).unwrap() };
    open(&file, format, columns, shape)?.collect()
}

fn check(format: FileFormat, bytes: &[u8], expected: &[Fields<'_>]) {
    let rows = read(format, bytes, &columns()).unwrap();
    let fields: Vec<Fields<'_>> = rows
        .iter()
        .map(|row| (row.place, row.id.as_deref(), row.text.as_str(), row.truth.as_label().unwrap().as_str()))
        .collect();
    assert_eq!(fields, expected);
}

fn check_refused(format: FileFormat, bytes: &[u8], parts: &[&str]) {
    let error = read(format, bytes, &columns()).unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), 3, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

#[test]
fn tsv_keeps_all_that_is_no_tab() {
    let bytes = "id\ttext\tlabel\n1\t\"굳 ㅋ\t1\n2\t\t0\n3\t \"a\"\"b\", c \u{2028}\u{a0}\t1".as_bytes();
    let expected = [
        (Place::Line(2), Some("1"), "\"굳 ㅋ", "1"),
        (Place::Line(3), Some("2"), "", "0"),
        (Place::Line(4), Some("3"), " \"a\"\"b\", c \u{2028}\u{a0}", "1"),
    ];
    check(FileFormat::Tsv, bytes, &expected);
}

#[test]
fn tsv_takes_crlf_a_byte_order_mark_and_columns_in_any_order() {
    let bytes = "\u{feff}label\tother\tid\ttext\r\n1\tx\t7\ta\r\n".as_bytes();
    check(FileFormat::Tsv, bytes, &[(Place::Line(2), Some("7"), "a", "1")]);
}

#[test]
fn tsv_names_what_is_wrong_and_where() {
    check_refused(FileFormat::Tsv, b"", &["own.data", "empty"]);
    check_refused(FileFormat::Tsv, b"id\ttext\n", &["own.data", "`label`", "`id`, `text`"]);
    let header = "id\ttext\tlabel\n1\ta\t0\n";
    let with = |line: &[u8]| [header.as_bytes(), line].concat();
    check_refused(FileFormat::Tsv, &with(b"2\ta\n"), &["own.data, line 3", "`label` is missing"]);
    check_refused(FileFormat::Tsv, &with(b"2\ta\tb\t0\n"), &["line 3", "4 columns", "3"]);
    check_refused(FileFormat::Tsv, &with(b"2\t\xb1\xdb\t0\n"), &["line 3", "UTF-8"]);
}

#[test]
fn blank_lines_may_stand_at_the_end_only() {
    let expected = [(Place::Line(2), Some("1"), "a", "0"), (Place::Line(3), Some("2"), "", "1")];
    let table = "id\ttext\tlabel\n1\ta\t0\n2\t\t1\n";
    for end in ["", "\n", "\r\n", "\n \n\n", " "] {
        check(FileFormat::Tsv, format!("{table}{end}").as_bytes(), &expected);
    }
    let more = |middle: &str| format!("{table}{middle}3\tb\t1\n").into_bytes();
    check_refused(FileFormat::Tsv, &more("\n"), &["own.data, line 4", "blank"]);
    check_refused(FileFormat::Tsv, &more("\r\n\r\n"), &["own.data, line 4", "blank"]);
    check_refused(FileFormat::Tsv, b"\n", &["own.data", "empty"]);

    let object = "{\"id\": 1, \"text\": \"a\", \"label\": 0}\n";
    let expected = [(Place::Line(1), Some("1"), "a", "0")];
    check(FileFormat::Jsonl, format!("{object}\n\n").as_bytes(), &expected);
    check_refused(FileFormat::Jsonl, format!("{object}\n{object}").as_bytes(), &["line 2", "blank"]);
}

#[test]
fn csv_reads_quotes() {
    let bytes = "\u{feff}id,text,label\r\n1,\"a, \"\"b\"\"\nc\",x\r\n2,,y\r\n".as_bytes();
    let expected = [(Place::Line(2), Some("1"), "a, \"b\"\nc", "x"), (Place::Line(4), Some("2"), "", "y")];
    check(FileFormat::Csv, bytes, &expected);
    let bytes = "id,text,label\n1,\"a, \"\"b\"\"\nc\",x\n2,,y".as_bytes();
    check(FileFormat::Csv, bytes, &expected);
}

#[test]
fn csv_names_what_is_wrong_and_where() {
    check_refused(FileFormat::Csv, b"", &["own.data", "empty"]);
    check_refused(FileFormat::Csv, b"id,text,label\n1,a\n", &["own.data, line 2", "`label` is missing"]);
    check_refused(FileFormat::Csv, b"id,text,label\n1,\xb1,0\n", &["line 2", "UTF-8"]);
}

#[test]
fn jsonl_takes_strings_and_integers_as_names() {
    let bytes = "{\"id\": 1, \"text\": \"a\\tb\", \"label\": -3}\n{\"label\": \"x\", \"text\": \"\", \"id\": \"2\"}\n";
    let expected = [(Place::Line(1), Some("1"), "a\tb", "-3"), (Place::Line(2), Some("2"), "", "x")];
    check(FileFormat::Jsonl, bytes.as_bytes(), &expected);
}

#[test]
fn jsonl_names_what_is_wrong_and_where() {
    let refused = |line: &str, parts: &[&str]| check_refused(FileFormat::Jsonl, line.as_bytes(), parts);
    refused("{\"id\": 1", &["own.data, line 1", "JSON"]);
    refused("[1]", &["line 1", "JSON"]);
    refused("{\"id\": 1, \"text\": \"a\"}", &["line 1", "`label` is missing"]);
    refused("{\"id\": 1, \"text\": null, \"label\": 1}", &["line 1", "`text` is missing"]);
    refused("{\"id\": 1, \"text\": 1, \"label\": 1}", &["line 1", "`text` is not a string"]);
    refused("{\"id\": 1, \"text\": \"a\", \"label\": 0.5}", &["line 1", "`label` is not"]);
}

fn parquet(texts: Vec<Option<&str>>) -> Vec<u8> {
    let ids = Int64Array::from_iter_values((0..texts.len()).map(|id| id as i64));
    let labels = StringArray::from_iter_values(texts.iter().map(|_| "x"));
    let texts = StringArray::from(texts);
    written(vec![("id", Arc::new(ids)), ("text", Arc::new(texts)), ("label", Arc::new(labels))])
}

fn written(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn parquet_takes_strings_and_integers_as_names() {
    let expected = [(Place::Row(1), Some("0"), "a", "x"), (Place::Row(2), Some("1"), "", "x")];
    check(FileFormat::Parquet, &parquet(vec![Some("a"), Some("")]), &expected);
    let long = vec![Some("a"); 10_000];
    let rows = read(FileFormat::Parquet, &parquet(long), &columns()).unwrap();
    assert_eq!(rows.last().unwrap().place, Place::Row(10_000));
}

#[test]
fn parquet_names_what_is_wrong_and_where() {
    check_refused(
        FileFormat::Parquet,
        &parquet(vec![Some("a"), None]),
        &["own.data, row 2", "`text` is missing"],
    );
    let bytes = parquet(vec![Some("a")]);
    check_refused(FileFormat::Parquet, &bytes[..bytes.len() / 2], &["Parquet"]);
    let other = FileColumns { text: "review".into(), ..columns() };
    let error = read(FileFormat::Parquet, &bytes, &other).unwrap_err().to_string();
    assert!(error.contains("`review`") && error.contains("`text`"), "{error}");
}

#[test]
fn a_file_without_ids_has_none() {
    let rows = read(FileFormat::Tsv, b"text\tlabel\na\t0\n", &FileColumns::default()).unwrap();
    assert_eq!(rows[0].id, None);
}

const PAIRS: Texts = Texts::Pair;
const QUESTIONS: Texts = Texts::QuestionInContext;

/// Reads one row of every format that can hold it.
fn check_shape(
    texts: Texts,
    truth: TruthKind,
    files: &[(FileFormat, &str)],
    expected: (Option<&str>, Truth),
) {
    for (format, text) in files {
        let shape = ExampleShape { texts, truth };
        let rows = read_shape(*format, text.as_bytes(), &FileColumns::default(), shape).unwrap();
        let [row] = rows.as_slice() else { panic!("{format:?} has {} rows", rows.len()) };
        let fields = (row.text.as_str(), row.text_pair.as_deref(), &row.truth);
        assert_eq!(fields, ("가 \"나", expected.0, &expected.1), "{format:?}");
    }
}

#[test]
fn pairs_and_scores_are_read() {
    let tsv = (FileFormat::Tsv, "score\ttext\ttext_pair\tlabel\n3.25\t가 \"나\t다\tyes\n");
    let csv = (FileFormat::Csv, "label,text,text_pair,score\nyes,\"가 \"\"나\",다,3.25\n");
    let json = r#"{"text": "가 \"나", "text_pair": "다", "label": "yes", "score": 3.25}"#;
    let files = [tsv, csv, (FileFormat::Jsonl, json)];
    check_shape(PAIRS, TruthKind::Label, &files, (Some("다"), Truth::Label("yes".into())));
    check_shape(PAIRS, TruthKind::Score, &files, (Some("다"), Truth::Score(3.25)));
    check_shape(Texts::One, TruthKind::Nothing, &files, (None, Truth::Unknown));
}

#[test]
fn lists_of_labels_are_read() {
    let files = [
        (FileFormat::Tsv, "text\tlabels\n가 \"나\tb|a c\n"),
        (FileFormat::Jsonl, r#"{"text": "가 \"나", "labels": ["b", "a c"]}"#),
    ];
    let labels = Truth::Labels(vec!["b".into(), "a c".into()]);
    check_shape(Texts::One, TruthKind::Labels, &files, (None, labels));
    let none = [
        (FileFormat::Tsv, "text\tlabels\n가 \"나\t\n"),
        (FileFormat::Jsonl, r#"{"text": "가 \"나", "labels": []}"#),
    ];
    check_shape(Texts::One, TruthKind::Labels, &none, (None, Truth::Labels(Vec::new())));
}

#[test]
fn entities_are_read() {
    let files = [
        (FileFormat::Jsonl, r#"{"text": "가 \"나", "entities": [{"start": 2, "end": 4, "label": "PS"}]}"#),
        (FileFormat::Conll, "# 첫째\n가\tO\n\"나\tB-PS\n"),
        (FileFormat::CharacterConll, "가\tO\n \tO\n\"\tB-PS\n나\tI-PS\n\n\n"),
    ];
    let entities = Truth::Entities(vec![Entity { start: 2, end: 4, label: "PS".into() }]);
    check_shape(Texts::One, TruthKind::Entities, &files, (None, entities));
}

#[test]
fn answers_are_read() {
    let json =
        r#"{"question": "가 \"나", "context": "다라", "answers": [{"text": "라", "answer_start": 1}]}"#;
    let squad = r#"{"data": [{"paragraphs": [{"context": "다라", "qas": [{"id": "1", "question": "가 \"나",
        "answers": [{"text": "라", "answer_start": 1}]}]}]}]}"#;
    let answers = Truth::Answers(vec![Answer { start: 1, text: "라".into() }]);
    let files = [(FileFormat::Jsonl, json), (FileFormat::Squad, squad)];
    check_shape(QUESTIONS, TruthKind::Answers, &files, (Some("다라"), answers));
}

#[test]
fn plain_text_has_a_row_a_line_and_blank_lines_between_documents() {
    let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Nothing };
    let read = |bytes: &[u8]| {
        let rows = read_shape(FileFormat::Text, bytes, &FileColumns::default(), shape).unwrap();
        rows.into_iter().map(|row| (row.place, row.text)).collect::<Vec<_>>()
    };
    let text = "첫\t줄\n\n \n둘째\n".as_bytes();
    let expected = [(Place::Line(1), "첫\t줄".to_owned()), (Place::Line(4), "둘째".to_owned())];
    assert_eq!(read(text), expected);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(read(&gzip), expected);
    assert_eq!(read(&zstd::encode_all(text, 1).unwrap()), expected);
    for damaged in [&gzip[..gzip.len() / 2], &zstd::encode_all(text, 1).unwrap()[..12]] {
        let error = read_shape(FileFormat::Text, damaged, &FileColumns::default(), shape).unwrap_err();
        assert_eq!(kind_of(&error).code(), 3, "{error:#}");
    }
}

/// The Parquet files that a task has are read as they are written.
#[test]
fn parquet_has_lists_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let entities = vec![Entity { start: 0, end: 1, label: "PS".into() }];
    let truths = [
        Truth::Score(0.5),
        Truth::Labels(vec!["a".into(), "b".into()]),
        Truth::Entities(entities),
        Truth::Answers(vec![Answer { start: 1, text: "라".into() }]),
    ];
    let kinds = [TruthKind::Score, TruthKind::Labels, TruthKind::Entities, TruthKind::Answers];
    for (kind, truth) in kinds.into_iter().zip(truths) {
        let texts = if kind == TruthKind::Answers { QUESTIONS } else { Texts::One };
        let shape = ExampleShape { texts, truth: kind };
        let text_pair = (texts == QUESTIONS).then(|| "다라".to_owned());
        let example =
            shared::schema::Example { example_id: "1".into(), text: "가".into(), text_pair, truth };
        let mut writer = shared::schema::ExampleWriter::create(&path, shape).unwrap();
        writer.write(std::slice::from_ref(&example)).unwrap();
        writer.finish().unwrap();
        let columns = FileColumns { id: Some("example_id".into()), ..FileColumns::default() };
        let rows = read_shape(FileFormat::Parquet, &std::fs::read(&path).unwrap(), &columns, shape).unwrap();
        let [row] = rows.as_slice() else { panic!("{} rows", rows.len()) };
        assert_eq!(
            (row.id.as_deref(), &row.text_pair, &row.truth),
            (Some("1"), &example.text_pair, &example.truth)
        );
    }
}

#[test]
fn what_is_wrong_in_a_column_is_named() {
    let refused = |truth: TruthKind, line: &str, parts: &[&str]| {
        let shape = ExampleShape { texts: Texts::One, truth };
        let columns = FileColumns::default();
        let error = read_shape(FileFormat::Jsonl, line.as_bytes(), &columns, shape).unwrap_err();
        assert_eq!(kind_of(&error).code(), 3, "{error:#}");
        parts.iter().for_each(|part| assert!(error.to_string().contains(part), "`{error:#}` lacks `{part}`"));
    };
    refused(TruthKind::Score, r#"{"text": "a", "score": "high"}"#, &["line 1", "`score` is not a number"]);
    refused(TruthKind::Score, r#"{"text": "a"}"#, &["own.data, line 1", "`score` is missing"]);
    refused(TruthKind::Labels, r#"{"text": "a", "labels": [[1]]}"#, &["`labels` is not a list of labels"]);
    let entity = r#"{"text": "a", "entities": [{"start": -1, "end": 1, "label": "PS"}]}"#;
    refused(TruthKind::Entities, entity, &["`entities` is not a list of entities"]);
    refused(
        TruthKind::Answers,
        r#"{"text": "a", "answers": ["b"]}"#,
        &["`answers` is not a list of answers"],
    );
}

#[test]
fn a_format_that_cannot_hold_the_rows_is_refused() {
    let entities = ExampleShape { texts: Texts::One, truth: TruthKind::Entities };
    let error = read_shape(FileFormat::Tsv, b"", &FileColumns::default(), entities).unwrap_err();
    assert_eq!(kind_of(&error).code(), 2);
    assert!(error.to_string().contains("jsonl, parquet, conll, character_conll"), "{error}");
}
