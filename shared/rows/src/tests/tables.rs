//! Tables in the dialects that programs and people write.

use shared::config::{Column, LabelColumns};

use super::*;

const SEVERAL: ExampleShape = ExampleShape { texts: Texts::One, truth: TruthKind::Labels };

fn numbered() -> FileColumns {
    FileColumns { text: Column::Number(2), label: Column::Number(1), ..FileColumns::default() }
}

fn read_dialect(
    format: FileFormat,
    bytes: &[u8],
    dialect: Dialect,
    columns: &FileColumns,
    shape: ExampleShape,
) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.data");
    std::fs::write(&path, bytes).unwrap();
    open(Input::file(&path, "own.data")?.with_dialect(dialect), format, columns, shape)?.collect()
}

/// Checks the place, text and label of every row.
fn check(
    format: FileFormat,
    bytes: &[u8],
    dialect: Dialect,
    columns: &FileColumns,
    expect: &[(Place, &str, &str)],
) {
    let rows = read_dialect(format, bytes, dialect, columns, LABELLED).unwrap();
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.place, row.text.as_str(), row.truth.as_label().unwrap().as_str()))
        .collect();
    assert_eq!(found, expect);
}

fn check_labels(bytes: &str, dialect: Dialect, columns: &FileColumns, expect: &[&[&str]]) {
    let rows = read_dialect(FileFormat::Csv, bytes.as_bytes(), dialect, columns, SEVERAL).unwrap();
    let found: Vec<_> = rows.iter().map(|row| row.truth.as_labels().unwrap().to_vec()).collect();
    assert_eq!(found, expect);
}

fn check_refused(
    format: FileFormat,
    bytes: &[u8],
    dialect: Dialect,
    columns: &FileColumns,
    code: u8,
    parts: &[&str],
) {
    let error = read_dialect(format, bytes, dialect, columns, LABELLED).unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), code, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

fn own() -> Dialect {
    Dialect { config_keys: ConfigKeys::FetchFiles, ..Dialect::default() }
}

#[test]
fn a_table_without_a_header_has_numbered_columns() {
    let bytes = "1\t좋다\n0\t나쁘다\n".as_bytes();
    let expect = [(Place::Line(1), "좋다", "1"), (Place::Line(2), "나쁘다", "0")];
    check(FileFormat::Tsv, bytes, own(), &numbered(), &expect);
    let bytes = "1,\"좋다, 참\"\r\n0,나쁘다\r\n".as_bytes();
    let expect = [(Place::Line(1), "좋다, 참", "1"), (Place::Line(2), "나쁘다", "0")];
    check(FileFormat::Csv, bytes, own(), &numbered(), &expect);
    let parts = ["no column `2`"];
    check_refused(FileFormat::Tsv, b"1\n0\n", own(), &numbered(), 3, &parts);
}

#[test]
fn numbers_and_names_of_columns_do_not_mix() {
    let mixed = FileColumns { text: Column::Number(1), ..FileColumns::default() };
    check_refused(FileFormat::Tsv, b"a\t1\n", own(), &mixed, 2, &["number 1", "name `label`"]);
    let zero = FileColumns { text: Column::Number(0), ..numbered() };
    check_refused(
        FileFormat::Tsv,
        b"a\t1\n",
        own(),
        &FileColumns { label: Column::Number(0), ..zero },
        2,
        &["from 1 on"],
    );
    check_refused(FileFormat::Jsonl, b"{}", own(), &numbered(), 2, &["only for the formats tsv and csv"]);
}

#[test]
fn separators_and_quotes_follow_the_config() {
    let expect = [(Place::Line(2), "a, \"b\"", "x")];
    let columns = FileColumns::default();
    let dialect = |separator, quote| Dialect { separator, quote, ..own() };
    let quoted = b"label;text\nx;\"a, \"\"b\"\"\"\n";
    check(FileFormat::Csv, quoted, dialect(Some(';'), None), &columns, &expect);
    let tabs = b"label\ttext\nx\t\"a, \"\"b\"\"\"\n";
    check(FileFormat::Tsv, tabs, dialect(None, Some(Quote::Csv)), &columns, &expect);
    let plain = b"label|text\nx|a, \"b\"\n";
    check(FileFormat::Tsv, plain, dialect(Some('|'), None), &columns, &expect);
    check(FileFormat::Csv, plain, dialect(Some('|'), Some(Quote::None)), &columns, &expect);
    let parts = ["`fetch.files.separator` is only for the formats tsv and csv"];
    check_refused(FileFormat::Jsonl, b"{}", dialect(Some(';'), None), &columns, 2, &parts);
}

#[test]
fn a_split_quoted_field_gets_advice() {
    let parts = ["line 2: 3 columns where the first line has 2", "set `fetch.files.quote` to \"csv\""];
    check_refused(FileFormat::Tsv, b"text\tlabel\n\"a\tb\"\t1\n", own(), &FileColumns::default(), 3, &parts);
}

#[test]
fn the_separator_of_labels_follows_the_config() {
    let columns = FileColumns::default();
    let with = |separator: &str| Dialect { label_separator: Some(separator.into()), ..own() };
    check_labels("text,labels\na,x | y\nb,\n", own(), &columns, &[&["x", "y"], &[]]);
    check_labels("text,labels\na,\"x, y\"\n", with(","), &columns, &[&["x", "y"]]);
    check_labels("text,labels\na,x  y z\n", with(" "), &columns, &[&["x", "y", "z"]]);
}

#[test]
fn one_hot_columns_hold_ones_and_zeros() {
    let one_hot = LabelColumns::OneHot(["욕설", "차별"].map(String::from).to_vec());
    let columns = FileColumns { labels: one_hot, ..FileColumns::default() };
    let table = "text,차별,욕설,other\na,1,0,9\nb,0.0,1.0,9\nc,True,1,9\nd,0,0,9\n";
    check_labels(table, own(), &columns, &[&["차별"], &["욕설"], &["욕설", "차별"], &[]]);
    let bad = read_dialect(FileFormat::Csv, "text,차별,욕설\na,2,0\n".as_bytes(), own(), &columns, SEVERAL);
    let message = format!("{:#}", bad.unwrap_err());
    assert!(message.contains("line 2: the column `차별` is not 0 or 1"), "{message}");
}

fn in_utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn configured_encodings_are_read() {
    let columns = FileColumns::default();
    let expect = [(Place::Line(2), "똠방각하 펲시", "가")];
    let written = |encoding| Dialect { encoding, ..own() };
    let text = "text\tlabel\r\n똠방각하 펲시\t가\r\n";
    let (cp949, _, _) = encoding_rs::EUC_KR.encode(text);
    check(FileFormat::Tsv, &cp949, written(Encoding::Cp949), &columns, &expect);
    check(FileFormat::Tsv, &in_utf16(text, u16::to_le_bytes), written(Encoding::Utf16), &columns, &expect);
    check(FileFormat::Tsv, &in_utf16(text, u16::to_be_bytes), written(Encoding::Utf16), &columns, &expect);
    // The file is larger than every buffer on the way.
    let long = format!("text,label\r\n{}", "\"가나, 다\",라\r\n".repeat(30_000));
    let (bytes, _, _) = encoding_rs::EUC_KR.encode(&long);
    let rows = read_dialect(FileFormat::Csv, &bytes, written(Encoding::Cp949), &columns, LABELLED).unwrap();
    assert_eq!(rows.len(), 30_000);
    assert!(rows.iter().all(|row| row.text == "가나, 다"));
}

#[test]
fn an_unexpected_encoding_is_named_with_a_remedy() {
    let columns = FileColumns::default();
    let text = "text\tlabel\n좋다\t1\n";
    let (cp949, _, _) = encoding_rs::EUC_KR.encode(text);
    let remedy = ["line 2", "text in cp949; set `fetch.files.encoding` to \"cp949\""];
    check_refused(FileFormat::Tsv, &cp949, own(), &columns, 3, &remedy);
    let comma = text.replace('\t', ",");
    let (cp949, _, _) = encoding_rs::EUC_KR.encode(&comma);
    check_refused(FileFormat::Csv, &cp949, own(), &columns, 3, &remedy);
    let remedy = ["convert the file with `iconv -f cp949 -t utf-8`"];
    check_refused(FileFormat::Csv, &cp949, Dialect::default(), &columns, 3, &remedy);
    let utf16 = in_utf16(text, u16::to_le_bytes);
    check_refused(FileFormat::Tsv, &utf16, own(), &columns, 3, &["set `fetch.files.encoding` to \"utf-16\""]);
    check_refused(
        FileFormat::Tsv,
        b"text\tlabel\n\xff\xff\t1\n",
        own(),
        &columns,
        3,
        &["not UTF-8; convert"],
    );
    let wrong = Dialect { encoding: Encoding::Cp949, ..own() };
    check_refused(FileFormat::Tsv, b"text\tlabel\n\xff\xff\t1\n", wrong, &columns, 3, &["no text in cp949"]);
}
