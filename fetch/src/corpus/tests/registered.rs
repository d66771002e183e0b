//! The parsers of registered corpora, on files of a few rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use rows::Row;
use shared::config::CorpusName::*;
use shared::schema::{Answer, Entity, Truth};

use super::*;

/// The id, both texts and the truth of a row.
type Fields<'a> = (Option<&'a str>, &'a str, Option<&'a str>, Truth);

fn read(name: CorpusName, file: impl AsRef<[u8]>) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus.data");
    std::fs::write(&path, file).unwrap();
    (Corpus::from(registered(name)).parser)(&RawFile::local(&path, String::new()).unwrap())?.collect()
}

fn check(name: CorpusName, file: impl AsRef<[u8]>, expected: &[Fields<'_>]) {
    let rows = read(name, file).unwrap();
    let fields: Vec<Fields<'_>> = rows
        .iter()
        .map(|row| (row.id.as_deref(), row.text.as_str(), row.text_pair.as_deref(), row.truth.clone()))
        .collect();
    assert_eq!(fields, expected);
}

fn check_refused(name: CorpusName, file: impl AsRef<[u8]>, parts: &[&str]) {
    let error = read(name, file).unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), 3, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

fn label(name: &str) -> Truth {
    Truth::Label(name.into())
}

fn entities(all: &[(u32, u32, &str)]) -> Truth {
    let entity = |&(start, end, label): &(u32, u32, &str)| Entity { start, end, label: label.into() };
    Truth::Entities(all.iter().map(entity).collect())
}

fn answers(all: &[(u32, &str)]) -> Truth {
    Truth::Answers(all.iter().map(|&(start, text)| Answer { start, text: text.into() }).collect())
}

#[test]
fn nsmc_keeps_quotes_empty_documents_and_duplicates() {
    let header = "id\tdocument\tlabel\n";
    let lines = "1\t\"\"\"별로\"\" 라니\t0\n2\t\"끝나지 않는 따옴표\t1\n3\t\t0\n4\t같다\t1\n5\t같다\t1\n";
    let expected = [
        ("1", "\"\"\"별로\"\" 라니", "negative"),
        ("2", "\"끝나지 않는 따옴표", "positive"),
        ("3", "", "negative"),
        ("4", "같다", "positive"),
        ("5", "같다", "positive"),
    ];
    let expected = expected.map(|(id, text, name)| (Some(id), text, None, label(name)));
    check(Nsmc, format!("{header}{lines}"), &expected);
    check(Nsmc, format!("{header}1\ta\t1\r\n"), &[(Some("1"), "a", None, label("positive"))]);
    let refused = |lines: &str, parts: &[&str]| check_refused(Nsmc, format!("{header}{lines}"), parts);
    refused("1\ta\t1\n2\ta\tb\t1\n", &["corpus.data, line 3", "4 columns"]);
    refused("1\ta\n", &["line 2", "`label` is missing"]);
    refused("1\ta\t2\n", &["line 2", "the label `2`"]);
}

#[test]
fn klue_nli_has_the_gold_label() {
    let pair = r#"{"guid": "a_1", "premise": "\"네\"", "hypothesis": "아니오", "gold_label": "contradiction", "author": "neutral"}"#;
    let truth = label("contradiction");
    check(KlueNli, format!("[{pair}]"), &[(Some("a_1"), "\"네\"", Some("아니오"), truth)]);
    let incomplete = format!("[{pair}, {{\"guid\": \"a_2\"}}]");
    check_refused(KlueNli, incomplete, &["corpus.data", "`premise`", "line 1"]);
    check_refused(KlueNli, format!("[{pair}"), &["corpus.data", "line 1"]);
}

#[test]
fn klue_sts_has_the_exact_mean_as_score() {
    let labels = r#"{"label": 3.7, "real-label": 3.714285714285714, "binary-label": 1}"#;
    let pair = format!(r#"[{{"guid": "a_1", "sentence1": "가", "sentence2": "나", "labels": {labels}}}]"#);
    check(KlueSts, &pair, &[(Some("a_1"), "가", Some("나"), Truth::Score(3.714285714285714))]);
    check_refused(KlueSts, pair.replace("real-", ""), &["corpus.data", "real-label"]);
}

#[test]
fn klue_ner_has_the_text_of_its_tags() {
    let head = "## 토큰 구분자 : \\n\n## 컬럼명 : CHAR\tNE_TAG\n";
    let first = "## a_1-wikitree\t<김:PS> <서울:LC>\n김\tB-PS\n \tO\n서\tB-LC\n울\tI-LC\n\n";
    let second = "## a_2-nsmc\t#<1:QT><2:QT>\n#\tO\n1\tB-QT\n2\tB-QT\n\n";
    let expected = [
        (Some("a_1-wikitree"), "김 서울", None, entities(&[(0, 1, "PS"), (2, 4, "LC")])),
        (Some("a_2-nsmc"), "#12", None, entities(&[(1, 2, "QT"), (2, 3, "QT")])),
    ];
    check(KlueNer, format!("{head}{first}{second}"), &expected);
    check_refused(KlueNer, "## a\t가\n가\n", &["corpus.data, line 2", "`가`"]);
}

#[test]
fn klue_mrc_has_no_answers_to_impossible_questions() {
    let possible = r#"{"question": "얼마?", "answers": [{"text": "5개", "answer_start": 2}, {"text": "5", "answer_start": 2}],
        "question_type": 1, "is_impossible": false, "guid": "a_1"}"#;
    let impossible = r#"{"question": "왜?", "answers": [], "plausible_answers": [{"text": "모두", "answer_start": 0}],
        "question_type": 3, "is_impossible": true, "guid": "a_2"}"#;
    let paragraph = format!(r#"{{"context": "모두 5개", "qas": [{possible}, {impossible}]}}"#);
    let file = format!(r#"{{"version": "v1.1", "data": [{{"title": "ㄱ", "paragraphs": [{paragraph}]}}]}}"#);
    let expected = [
        (Some("a_1"), "얼마?", Some("모두 5개"), answers(&[(2, "5개"), (2, "5")])),
        (Some("a_2"), "왜?", Some("모두 5개"), answers(&[])),
    ];
    check(KlueMrc, &file, &expected);
}

#[test]
fn kornli_keeps_quotes() {
    let header = "sentence1\tsentence2\tgold_label\n";
    let expected = [(None, "\"엄마, 저 왔어요.", Some("\"네"), label("neutral"))];
    check(Kornli, format!("{header}\"엄마, 저 왔어요.\t\"네\tneutral\n"), &expected);
    let parts = ["corpus.data, line 2", "`gold_label` is missing"];
    check_refused(Kornli, format!("{header}a\tb\n"), &parts);
}

#[test]
fn korsts_has_scores() {
    let header = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\n";
    let line = "main-news\theadlines\t2016\t0001\t3.800\t\"가\t나\n";
    check(Korsts, format!("{header}{line}"), &[(None, "\"가", Some("나"), Truth::Score(3.8))]);
    let refused = |line: &str, parts: &[&str]| check_refused(Korsts, format!("{header}{line}\n"), parts);
    refused("g\tf\t2016\t1\tNaN\t가\t나", &["line 2", "`score` is not a number"]);
    refused("g\tf\t2016\t1\t1.0\t가", &["line 2", "`sentence2` is missing"]);
}

/// A file of PAWS-X as the Hub serves it.
fn paws_file(rows: &[(i32, &str, &str, i64)]) -> Vec<u8> {
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("sentence1", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1)))),
        ("sentence2", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2)))),
        ("label", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.3)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn paws_x_pairs_without_a_label_are_skipped() {
    let rows = [(1, "가 나", "나 가", 1), (2, "다", "라", -1), (3, "마 바", "바 마", 0)];
    let expected = [
        (None, "가 나", Some("나 가"), label("paraphrase")),
        (None, "마 바", Some("바 마"), label("different")),
    ];
    check(PawsXKo, paws_file(&rows), &expected);
    let parts = ["corpus.data, row 1", "`2`", "`1` (paraphrase)"];
    check_refused(PawsXKo, paws_file(&[(1, "a", "b", 2)]), &parts);
}

#[test]
fn both_files_of_question_pair_are_read() {
    let train = "\u{feff}id,qid1,qid2,question1,question2,is_duplicate\r\n1,1,2,\"4월, 이별\",이별,0\r\n";
    check(QuestionPair, train, &[(None, "4월, 이별", Some("이별"), label("duplicate"))]);
    let test = "\u{feff}test_id,question1,question2,is_duplicate,\r\n1,사랑,이별\t,1,\r\n";
    check(QuestionPair, test, &[(None, "사랑", Some("이별\t"), label("different"))]);
    let file = "id,question1,question2,is_duplicate\n1,a,b,2\n";
    check_refused(QuestionPair, file, &["corpus.data, line 2", "`2`", "`0` (duplicate)"]);
}

#[test]
fn every_column_of_korean_hate_speech_gives_its_label() {
    let header = "comments\tcontain_gender_bias\tbias\thate\n";
    let lines = "\"가\tFalse\tnone\tnone\n나\tTrue\tgender\thate\n다\tFalse\tothers\toffensive\n";
    let labels = |labels: &[&str]| Truth::Labels(labels.iter().map(|&label| label.into()).collect());
    let expected = [
        (None, "\"가", None, labels(&[])),
        (None, "나", None, labels(&["gender_bias", "bias:gender", "hate:hate"])),
        (None, "다", None, labels(&["bias:others", "hate:offensive"])),
    ];
    check(KoreanHateSpeech, format!("{header}{lines}"), &expected);
    let wrong = format!("{header}가\tFalse\tnone\tmild\n");
    check_refused(KoreanHateSpeech, wrong, &["line 2", "`mild`", "`hate`"]);
}

#[test]
fn every_question_of_korquad_is_a_row() {
    let question = |id: &str, text: &str, start: u32| {
        format!(
            r#"{{"answers": [{{"text": "{text}", "answer_start": {start}}}], "id": "{id}", "question": "{id}?"}}"#
        )
    };
    let first = format!("{}, {}", question("1-0", "1989년", 0), question("1-1", "임수경", 6));
    let paragraph =
        |context: &str, questions: &str| format!(r#"{{"qas": [{questions}], "context": "{context}"}}"#);
    let paragraphs = [paragraph("1989년 임수경", &first), paragraph("평양", &question("2-0", "평양", 0))];
    let file = format!(r#"{{"data": [{{"paragraphs": [{}], "title": "ㄱ"}}]}}"#, paragraphs.join(", "));
    let expected = [
        (Some("1-0"), "1-0?", Some("1989년 임수경"), answers(&[(0, "1989년")])),
        (Some("1-1"), "1-1?", Some("1989년 임수경"), answers(&[(6, "임수경")])),
        (Some("2-0"), "2-0?", Some("평양"), answers(&[(0, "평양")])),
    ];
    check(KorquadV1, &file, &expected);
    let file = r#"{"data": [{"paragraphs": [{"qas": [{"question": "왜?"}], "context": "ㄱ"}]}]}"#;
    check_refused(KorquadV1, file, &["corpus.data, row 1", "`id`"]);
    check_refused(KorquadV1, "[1]", &["corpus.data, row 1", "no JSON object"]);
}
