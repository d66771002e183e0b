//! Every shape of rows, in every format that can hold it.

use shared::schema::{Answer, Entity, Example, ExampleWriter};

use super::*;

const PAIRS: Texts = Texts::Pair;
const QUESTIONS: Texts = Texts::QuestionInContext;

/// Checks that every file in `files` holds one row with the text `가 "나` and the `expected` second text and truth.
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
        (FileFormat::Tsv, "text\tlabels\n가 \"나\t b | a c\n"),
        (FileFormat::Jsonl, r#"{"text": "가 \"나", "labels": ["b", "a c"]}"#),
    ];
    let labels = Truth::Labels(vec!["b".into(), "a c".into()]);
    check_shape(Texts::One, TruthKind::Labels, &files, (None, labels));
    let none = [
        (FileFormat::Tsv, "text\tlabels\n가 \"나\t\n"),
        (FileFormat::Tsv, "text\tlabels\n가 \"나\t \n"),
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
fn plain_text_has_one_row_per_non_blank_line() {
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

/// The project's own Parquet files of every task are read back.
#[test]
fn parquet_with_lists_and_numbers_is_read() {
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
        let example = Example { example_id: "1".into(), text: "가".into(), text_pair, truth };
        let mut writer = ExampleWriter::create(&path, shape).unwrap();
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
fn errors_name_the_column_and_the_expected_value() {
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
    assert!(error.to_string().contains("jsonl, json, parquet, conll, character_conll"), "{error}");
}

fn read_tagged(format: FileFormat, bytes: &[u8], tags: TagNames) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.data");
    std::fs::write(&path, bytes).unwrap();
    let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Entities };
    let input = Input::file(&path, "own.data").unwrap();
    open_tagged(input, format, &FileColumns::default(), shape, tags)?.collect()
}

fn tag_names(names: &[&str]) -> TagNames {
    TagNames { scheme: None, names: names.iter().map(|&name| name.to_owned()).collect() }
}

#[test]
fn words_with_tags_are_a_text_with_entities() {
    let check = |line: &str, names: &[&str]| {
        let entities = Truth::Entities(vec![Entity { start: 0, end: 4, label: "PS".into() }]);
        for (format, text) in [(FileFormat::Jsonl, line.to_owned()), (FileFormat::Json, format!("[{line}]"))]
        {
            let rows = read_tagged(format, text.as_bytes(), tag_names(names)).unwrap();
            assert_eq!((rows[0].text.as_str(), &rows[0].truth), ("김구 씨 왔다", &entities), "{format:?}");
        }
    };
    check(r#"{"tokens": ["김구", "씨", "왔다"], "ner_tags": ["B-PS", "I-PS", "O"]}"#, &[]);
    check(r#"{"tokens": ["김구", "씨", "왔다"], "ner_tags": [1, 2, 0]}"#, &["O", "B-PS", "I-PS"]);
    let refused = |line: &str, part: &str| {
        let error = read_tagged(FileFormat::Jsonl, line.as_bytes(), tag_names(&[])).unwrap_err();
        assert_eq!(kind_of(&error).code(), 3);
        assert!(format!("{error:#}").contains(part), "{error:#}");
    };
    refused(r#"{"tokens": ["a"], "ner_tags": [1]}"#, "list the tags in `fetch.files.labels`");
    refused(r#"{"tokens": ["a"], "ner_tags": ["O", "O"]}"#, "1 tokens in `tokens`, and 2 tags");
    refused(r#"{"tokens": ["a", " "], "ner_tags": ["O", "O"]}"#, "`tokens` is blank");
    refused(r#"{"tokens": "a", "ner_tags": ["O"]}"#, "`tokens` is not a list");
}

/// The bytes of a Parquet file as `datasets` writes it, with the names of class labels in its metadata.
fn parquet_of_datasets(columns: Vec<(&str, arrow::array::ArrayRef)>, features: &str) -> Vec<u8> {
    let batch = arrow::array::RecordBatch::try_from_iter(columns).unwrap();
    let metadata = format!(r#"{{"info": {{"features": {features}}}}}"#);
    let metadata = std::collections::HashMap::from([("huggingface".to_owned(), metadata)]);
    let schema = std::sync::Arc::new(batch.schema().as_ref().clone().with_metadata(metadata));
    let batch = batch.with_schema(std::sync::Arc::clone(&schema)).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn class_labels_of_parquet_have_their_names() {
    use arrow::array::{Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int64Type;
    let label = r#"{"names": ["bad", "good"], "_type": "ClassLabel"}"#;
    let columns: Vec<(&str, arrow::array::ArrayRef)> = vec![
        ("text", std::sync::Arc::new(StringArray::from(vec!["가", "나"]))),
        ("label", std::sync::Arc::new(Int64Array::from(vec![1, 0]))),
    ];
    let bytes = parquet_of_datasets(columns, &format!(r#"{{"label": {label}}}"#));
    let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Label };
    let rows = read_shape(FileFormat::Parquet, &bytes, &FileColumns::default(), shape).unwrap();
    let labels: Vec<_> = rows.into_iter().map(|row| row.truth).collect();
    assert_eq!(labels, [Truth::Label("good".into()), Truth::Label("bad".into())]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let names = |label: &str, truth| {
        let columns = FileColumns { label: label.into(), ..FileColumns::default() };
        crate::class_names(file.path(), &columns, truth)
    };
    assert_eq!(names("label", TruthKind::Label), Some(vec!["bad".to_owned(), "good".to_owned()]));
    assert_eq!((names("text", TruthKind::Label), names("label", TruthKind::Score)), (None, None));

    let mut tokens = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    tokens.append_value([Some("김구"), Some("왔다")]);
    let columns: Vec<(&str, arrow::array::ArrayRef)> = vec![
        ("tokens", std::sync::Arc::new(tokens.finish())),
        (
            "ner_tags",
            std::sync::Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([
                Some(2),
                Some(0),
            ])])),
        ),
    ];
    let names = r#"{"ner_tags": {"feature": {"names": ["O", "I-PS", "B-PS"], "_type": "ClassLabel"}, "_type": "List"}}"#;
    let bytes = parquet_of_datasets(columns, names);
    let rows = read_tagged(FileFormat::Parquet, &bytes, tag_names(&[])).unwrap();
    let entities = vec![Entity { start: 0, end: 2, label: "PS".into() }];
    assert_eq!((rows[0].text.as_str(), &rows[0].truth), ("김구 왔다", &Truth::Entities(entities)));
}
