mod questions;
mod shapes;
mod tables;

use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use shared::fault::kind_of;

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
    open(Input::file(&path, "own.data")?, format, columns, shape)?.collect()
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
fn tsv_keeps_every_character_but_tabs() {
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
fn tsv_errors_name_cause_and_line() {
    check_refused(FileFormat::Tsv, b"", &["own.data", "empty"]);
    check_refused(FileFormat::Tsv, b"id\ttext\n", &["own.data", "`label`", "`id`, `text`"]);
    let header = "id\ttext\tlabel\n1\ta\t0\n";
    let with = |line: &[u8]| [header.as_bytes(), line].concat();
    check_refused(FileFormat::Tsv, &with(b"2\ta\n"), &["own.data, line 3", "`label` is missing"]);
    check_refused(FileFormat::Tsv, &with(b"2\ta\tb\t0\n"), &["line 3", "4 columns", "3"]);
    check_refused(FileFormat::Tsv, &with(b"2\t\xb1\xdb\t0\n"), &["line 3", "UTF-8"]);
}

#[test]
fn blank_lines_are_skipped() {
    let expected = [(Place::Line(2), Some("1"), "a", "0"), (Place::Line(5), Some("2"), "", "1")];
    let table = "id\ttext\tlabel\n1\ta\t0\n\n\n2\t\t1\n";
    for end in ["", "\n", "\r\n", "\n \n\n", " "] {
        check(FileFormat::Tsv, format!("{table}{end}").as_bytes(), &expected);
    }
    assert_eq!(read(FileFormat::Csv, table.replace('\t', ",").as_bytes(), &columns()).unwrap().len(), 2);
    check_refused(FileFormat::Tsv, b"\n", &["own.data", "empty"]);
    let object = "{\"id\": 1, \"text\": \"a\", \"label\": 0}\n";
    let expected = [(Place::Line(1), Some("1"), "a", "0"), (Place::Line(4), Some("1"), "a", "0")];
    check(FileFormat::Jsonl, format!("{object}\n \r\n{object}\n\n").as_bytes(), &expected);
}

/// A blank line may be an empty text here, and skipping it would shift the answers of `predict` against their rows.
#[test]
fn a_blank_line_of_a_table_with_one_column_is_refused() {
    let read = |table: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tsv");
        std::fs::write(&path, table).unwrap();
        open_texts(Input::file(&path, "own.data")?, FileFormat::Tsv, Texts::One)?.collect::<Result<Vec<_>>>()
    };
    assert_eq!(read("text\na\nb\n\n \n").unwrap().len(), 2);
    let error = read("text\na\n\nb\n").unwrap_err();
    assert!(error.to_string().starts_with("own.data, line 3: the line is blank"), "{error:#}");
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
fn csv_errors_name_cause_and_line() {
    check_refused(FileFormat::Csv, b"", &["own.data", "empty"]);
    check_refused(FileFormat::Csv, b"id,text,label\n1,a\n", &["own.data, line 2", "`label` is missing"]);
    check_refused(FileFormat::Csv, b"id,text,label\n1,\xb1,0\n", &["line 2", "UTF-8"]);
    let open = "goes over 3 lines; see whether the quote that opens it is closed";
    check_refused(
        FileFormat::Csv,
        b"id,\"text,label\n1,a,0\n2,b,0\n",
        &["own.data, line 1", "`text,label`", open],
    );
    check_refused(FileFormat::Csv, b"id,text,label\n1,\"a,0\n2,b,0\n3,c,0\n", &["line 2", "`a,0`", open]);
}

#[test]
fn jsonl_takes_strings_and_integers_as_names() {
    let bytes = "{\"id\": 1, \"text\": \"a\\tb\", \"label\": -3}\n{\"label\": \"x\", \"text\": \"\", \"id\": \"2\"}\n";
    let expected = [(Place::Line(1), Some("1"), "a\tb", "-3"), (Place::Line(2), Some("2"), "", "x")];
    check(FileFormat::Jsonl, bytes.as_bytes(), &expected);
}

#[test]
fn jsonl_errors_name_cause_and_line() {
    let refused = |line: &str, parts: &[&str]| check_refused(FileFormat::Jsonl, line.as_bytes(), parts);
    refused("{\"id\": 1", &["own.data, line 1", "JSON"]);
    refused("[1]", &["line 1", "JSON"]);
    refused("{\"id\": 1, \"text\": \"a\"}", &["line 1", "`label` is missing"]);
    refused("{\"id\": 1, \"text\": null, \"label\": 1}", &["line 1", "`text` is missing"]);
    refused(
        "{\"id\": 1, \"text\": 1.5, \"label\": 1}",
        &["line 1", "`text` is not a string", "write it as a string"],
    );
    refused("{\"id\": 1, \"text\": true, \"label\": 1}", &["line 1", "`text` is not a string"]);
    refused(
        "{\"id\": true, \"text\": \"a\", \"label\": 1}",
        &["line 1", "`id` is not a string or an integer"],
    );
    refused("{\"id\": 1, \"text\": \"a\", \"label\": 0.5}", &["line 1", "`label` is not", "score"]);
    refused("{\"id\": 1, \"text\": \"a\", \"label\": [1]}", &["line 1", "`label` is not"]);
    refused("[{\"id\": 1}]", &["line 1", "the format json"]);
    refused("{\n\"id\": 1}", &["line 1", "the format json"]);
}

/// Other programs write such values in every format that has typed values.
#[test]
fn labels_may_be_booleans_and_whole_numbers_and_texts_integers() {
    let object = |label: &str| format!("{{\"id\": 7.0, \"text\": 2012, \"label\": {label}}}\n");
    for (written, label) in [("true", "true"), ("1.0", "1"), ("-0.0", "0"), ("12", "12")] {
        let expected = [(Place::Line(1), Some("7"), "2012", label)];
        check(FileFormat::Jsonl, object(written).as_bytes(), &expected);
        let expected = [(Place::Row(1), Some("7"), "2012", label)];
        check(FileFormat::Json, object(written).as_bytes(), &expected);
    }
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(0.0)]));
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    for (labels, expected) in [(numbers, ["1", "0"]), (flags, ["true", "false"])] {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        let bytes = parquet_of(&[("text", texts), ("label", labels)]);
        let rows = read(FileFormat::Parquet, &bytes, &FileColumns::default()).unwrap();
        let found: Vec<_> = rows.iter().map(|row| row.truth.as_label().unwrap().as_str()).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn json_is_an_array_or_one_object_after_the_other() {
    let (one, two) =
        (r#"{"id": 1, "text": "가]", "label": "x"}"#, r#"{"label": "y", "text": "", "id": "2"}"#);
    let expected = [(Place::Row(1), Some("1"), "가]", "x"), (Place::Row(2), Some("2"), "", "y")];
    for text in [
        format!("[{one},{two}]"),
        format!("\u{feff}\n [\n  {one} ,\r\n  {two}\n]\n\n"),
        format!("{one}\n{two}\n"),
        format!("{one}{}", two.replace(", ", ",\n  ")),
    ] {
        check(FileFormat::Json, text.as_bytes(), &expected);
    }
    check(FileFormat::Json, b"[]", &[]);
    let refused = |text: String, parts: &[&str]| check_refused(FileFormat::Json, text.as_bytes(), parts);
    refused(String::new(), &["own.data is empty"]);
    refused("\"a\"".into(), &["own.data", "neither a JSON array nor JSON objects"]);
    refused(format!("[{one}"), &["after row 1", "ends within"]);
    refused(format!("[{one}{two}]"), &["after row 1", "no comma"]);
    refused(format!("[{one},]"), &["row 2", "no JSON object"]);
    refused(format!("[,{one}]"), &["row 1", "no JSON object"]);
    refused(format!("[{one}] {two}"), &["after row 1", "more follows"]);
    refused(format!("[{one}, 1]"), &["row 2", "no JSON object"]);
    refused(format!("{one}\n{{\"id\": 1"), &["row 2", "no JSON object"]);
    refused("{\"id\": {}, \"text\": {\"0\": \"a\"}}".into(), &["row 1", "`id`"]);
}

#[test]
fn columns_are_found_in_either_unicode_form() {
    let name = "\u{1107}\u{1169}\u{11ab}\u{1106}\u{116e}\u{11ab}";
    let columns = FileColumns { text: "본문".into(), ..FileColumns::default() };
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["가"]));
    let files = [
        (FileFormat::Tsv, format!("{name}\tlabel\n가\tx\n").into_bytes()),
        (FileFormat::Csv, format!("{name},label\n가,x\n").into_bytes()),
        (FileFormat::Jsonl, format!("{{\"{name}\": \"가\", \"label\": \"x\"}}").into_bytes()),
        (FileFormat::Parquet, parquet_of(&[(name, texts.clone()), ("label", texts)])),
    ];
    for (format, bytes) in files {
        let rows = read(format, &bytes, &columns).unwrap();
        assert_eq!((rows.len(), rows[0].text.as_str()), (1, "가"), "{format:?}");
    }
}

fn parquet(texts: Vec<Option<&str>>) -> Vec<u8> {
    let ids = Int64Array::from_iter_values((0..texts.len()).map(|id| id as i64));
    let labels = StringArray::from_iter_values(texts.iter().map(|_| "x"));
    let texts = StringArray::from(texts);
    parquet_of(&[("id", Arc::new(ids)), ("text", Arc::new(texts)), ("label", Arc::new(labels))])
}

fn parquet_of(columns: &[(&str, ArrayRef)]) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns.to_vec()).unwrap();
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
fn parquet_errors_name_cause_and_row() {
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

/// A slow program writes single bytes.
#[test]
fn a_pipe_may_be_compressed_and_give_a_byte_at_a_time() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all("text\n가\n".as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    let input = Input::file(Path::new(&path), "a pipe").unwrap();
    drop(reader);
    let feed = std::thread::spawn(move || bytes.iter().for_each(|&byte| writer.write_all(&[byte]).unwrap()));
    let rows: Vec<Row> =
        open_texts(input, FileFormat::Tsv, Texts::One).unwrap().collect::<Result<_>>().unwrap();
    feed.join().unwrap();
    assert_eq!((rows.len(), rows[0].text.as_str(), &rows[0].id), (1, "가", &None));
}

#[test]
fn damaged_gzip_is_an_input_fault() {
    check_refused(FileFormat::Tsv, b"\x1f\x8b\x08\xff\xff\xff\xff\xff\xff\xff\xff", &["own.data"]);
}

#[test]
fn two_columns_with_one_name_are_refused() {
    check_refused(FileFormat::Csv, b"id,text,label,text\n", &["own.data", "two columns `text`"]);
    check(FileFormat::Csv, b"id,text,label,x,x\n1,a,b,c,d\n", &[(Place::Line(2), Some("1"), "a", "b")]);
}

#[test]
fn a_file_without_ids_has_none() {
    let rows = read(FileFormat::Tsv, b"text\tlabel\na\t0\n", &FileColumns::default()).unwrap();
    assert_eq!(rows[0].id, None);
}
