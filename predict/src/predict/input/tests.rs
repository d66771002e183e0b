use std::fs;

use shared::fault::kind_of;

use super::*;

fn read(name: &str, content: &str, texts: Texts) -> Result<Vec<Example>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    Input::open(Some(&path), None)?.examples(texts)?.collect()
}

/// Ids and texts, `|` between them.
fn check(name: &str, content: &str, texts: Texts, expect: &[&str]) {
    let shown = |example: &Example| {
        let Example { example_id, text, text_pair, .. } = example;
        let pair = text_pair.as_ref().map(|text| format!("|{text}")).unwrap_or_default();
        format!("{example_id}|{text}{pair}")
    };
    let found: Vec<String> = read(name, content, texts).unwrap().iter().map(shown).collect();
    assert_eq!(found, expect, "{name}");
}

fn check_refused(name: &str, content: &str, texts: Texts, code: u8, expect: &str) {
    let error = read(name, content, texts).unwrap_err();
    assert_eq!(kind_of(&error).code(), code, "{error:#}");
    assert!(format!("{error:#}").contains(expect), "{error:#}");
}

#[test]
fn a_line_is_a_text_or_a_pair() {
    check("a.txt", "가\t나\n\n\"다\n\n", Texts::One, &["1|가\t나", "2|", "3|\"다", "4|"]);
    check("a", "\u{feff}가\t나\r\n\t\n", Texts::Pair, &["1|가|나", "2||"]);
    check_refused(
        "a.txt",
        "가\t나\n다\n",
        Texts::Pair,
        3,
        "line 2: there is no tab between text and text_pair",
    );
}

#[test]
fn columns_are_found_by_their_names() {
    check("a.tsv", "label\ttext\n1\t\"가\n0\t\n", Texts::One, &["1|\"가", "2|"]);
    let questions = "example_id\tcontext\tquestion\nq7\t나\t가\n";
    check("a.tsv", questions, Texts::QuestionInContext, &["q7|가|나"]);
    check("a.csv", "label,text\n1,\"가, \"\"나\"\"\"\n", Texts::One, &["1|가, \"나\""]);
    check_refused("a.tsv", "a\tb\n", Texts::One, 3, "a.tsv has no column `text`, only `a`, `b`; rename");
    check_refused("a.tsv", "text\ttext\n", Texts::One, 3, "has two columns `text`");
    check_refused("a.tsv", "text\tb\n가\n", Texts::One, 3, "line 2: the column `b` is missing");
    check_refused("a.tsv", "", Texts::One, 3, "a.tsv is empty");
}

#[test]
fn objects_have_the_columns_as_keys() {
    let pairs = "{\"text\": \"가\\t\", \"text_pair\": \"나\"}\n{\"example_id\": 7, \"text_pair\": \"\", \"text\": \"다\"}\n\n";
    check("a.jsonl", pairs, Texts::Pair, &["1|가\t|나", "7|다|"]);
    check("a.ndjson", "{\"text\": \"가\", \"example_id\": null}\n", Texts::One, &["1|가"]);
    check("a.jsonl", "{\"text\": 7}\n\n{\"text\": \"\"}\n", Texts::One, &["1|7", "2|"]);
    check("a.json", "[{\"text\": \"가\"}, {\"text\": \"\"}]\n", Texts::One, &["1|가", "2|"]);
    check_refused("a.jsonl", "{\"text\": 1.5}\n", Texts::One, 3, "line 1: the column `text` is not a string");
    check_refused("a.json", "[{\"text\": \"\"}, {}]", Texts::One, 3, "row 2: the column `text` is missing");
    check_refused("a.jsonl", "{}\n", Texts::One, 3, "line 1: the column `text` is missing");
    check_refused("a.jsonl", "{\"text\": \"\"}\n[]\n", Texts::One, 3, "line 2: the line is no JSON object");
    let named = "{\"text\": \"\", \"example_id\": true}\n";
    check_refused("a.jsonl", named, Texts::One, 3, "`example_id` is not a string or an integer");
}

#[test]
fn the_extension_decides_the_format() {
    for name in ["a.docx", "a.conll", "a.md.gz"] {
        check_refused(name, "가\n", Texts::One, 2, "set --format to text, tsv, csv, jsonl, json or parquet");
    }
    check("a.TXT", "가\n", Texts::One, &["1|가"]);
    check("a.tsv.gz", "text\n가\n", Texts::One, &["1|가"]);
}

#[test]
fn inputs_that_cannot_be_read_are_refused() {
    let refused = |path: &Path, format, code, expect: &str| {
        let Err(error) = Input::open(Some(path), format) else { panic!("{} was opened", path.display()) };
        assert_eq!(kind_of(&error).code(), code, "{error:#}");
        assert!(format!("{error:#}").contains(expect), "{error:#}");
    };
    let parquet = Some(InputFormat::Parquet);
    refused(Path::new("no/such.txt"), None, 3, "cannot read no/such.txt: No such file");
    refused(Path::new("."), None, 3, "it is a folder");
    refused(Path::new("/dev/null"), parquet, 2, "Parquet is not read from /dev/null");
}
