use std::fs;
use std::path::PathBuf;

use rows::{Place, Row};
use shared::config::Config;
use shared::fault::kind_of;
use shared::layout::fetched;
use shared::schema::{Example, ExampleReader, Texts, Truth, TruthKind};
use tempfile::TempDir;

use super::*;
use crate::corpus;

mod labels;

/// Writes the examples of own files with these lines after the header `text<TAB>label`, and with further config `keys`.
fn written(train: &str, dev: Option<&str>, test: Option<&str>, keys: &str) -> Result<(Examples, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let mut toml =
        "name = \"a\"\nevaluate = { split = \"dev\" }\n[fetch]\nmodel = \"scratch\"\ndev_fraction = 0.25\n"
            .to_owned();
    toml.push_str("[fetch.files]\n");
    let mut files = RawFiles::new();
    for (split, lines) in [(Split::Train, Some(train)), (Split::Dev, dev), (Split::Test, test)] {
        let Some(lines) = lines else { continue };
        let path = folder.path().join(format!("{split}.tsv"));
        fs::write(&path, format!("text\tlabel\n{lines}")).unwrap();
        toml.push_str(&format!("{split} = \"{}\"\n", path.display()));
        files.insert(split, vec![RawFile::local(&path, String::new()).unwrap()]);
    }
    let config: Config = toml::from_str(&format!("{toml}{keys}")).unwrap();
    let shape = config.task.shape();
    let examples = write(
        &corpus::of(&config.fetch, config.task, config.evaluate.split, None)?,
        &files,
        &config.fetch,
        shape,
        folder.path(),
    )?;
    Ok((examples, folder))
}

fn read(folder: &TempDir, split: Split) -> Vec<Example> {
    let path: PathBuf = fetched::examples(folder.path(), split);
    ExampleReader::open(&path).unwrap().flat_map(Result::unwrap).collect()
}

fn check_refused(outcome: Result<(Examples, TempDir)>, parts: &[&str]) {
    let error = outcome.unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), 3, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

fn many(rows: usize) -> String {
    (0..rows).map(|row| format!("text {row}\t{}\n", ["no", "yes"][row % 2])).collect()
}

#[test]
fn dev_is_taken_from_train_and_test_stays_whole() {
    let (examples, folder) = written(&many(10_000), None, Some(&many(50)), "").unwrap();
    assert_eq!(examples.labels, ["no", "yes"]);
    let (train, dev) = (read(&folder, Split::Train), read(&folder, Split::Dev));
    assert_eq!(examples.rows[&Split::Train], train.len() as u64);
    assert_eq!(train.len() + dev.len(), 10_000);
    assert!((2_300..2_700).contains(&dev.len()), "{}", dev.len());
    assert!(dev.iter().all(|example| !train.contains(example)));
    let test = read(&folder, Split::Test);
    assert_eq!(
        (test.len(), test[49].example_id.as_str(), test[49].text.as_str()),
        (50, "test-50", "text 49")
    );
}

#[test]
fn added_rows_do_not_move_others_between_splits() {
    let dev = |rows| read(&written(&many(rows), None, None, "").unwrap().1, Split::Dev);
    let (fewer, more) = (dev(300), dev(400));
    assert_eq!(fewer, more[..fewer.len()]);
}

#[test]
fn train_stays_whole_if_there_is_a_dev_file() {
    let (examples, _folder) = written(&many(100), Some(&many(10)), None, "").unwrap();
    assert_eq!(examples.rows, BTreeMap::from([(Split::Train, 100), (Split::Dev, 10)]));
}

#[test]
fn listed_labels_keep_their_order() {
    let labels = "labels = [\"yes\", \"no\"]\n";
    assert_eq!(written(&many(100), None, None, labels).unwrap().0.labels, ["yes", "no"]);
    let names = "label_names = { yes = \"weak\", no = \"strong\", other = \"strange\" }\n";
    assert_eq!(written(&many(100), None, None, names).unwrap().0.labels, ["strong", "strange", "weak"]);
    let both = "labels = [\"weak\", \"strong\"]\nlabel_names = { yes = \"weak\", no = \"strong\" }\n";
    assert_eq!(written(&many(100), None, None, both).unwrap().0.labels, ["weak", "strong"]);
}

#[test]
fn unlisted_labels_are_refused() {
    let train = "labels = [\"yes\", \"maybe\"]\n";
    check_refused(written(&many(9), None, None, train), &["train.tsv, line 2", "`no`", "`yes`, `maybe`"]);
    let test = Some("a\tyes\nb\tmaybe\n");
    check_refused(written(&many(100), None, test, ""), &["test.tsv, line 3", "`maybe`", "`no`, `yes`"]);
    check_refused(written("a\t\n", None, None, ""), &["train.tsv, line 2", "the label is empty"]);
    check_refused(written(&"a\tx\n".repeat(40), None, None, ""), &["train.tsv", "one label only"]);
}

#[test]
fn an_empty_corpus_is_refused() {
    check_refused(written("", None, None, ""), &["train.tsv", "empty corpus"]);
    check_refused(written(&many(100), None, Some(""), ""), &["test.tsv", "empty corpus"]);
    check_refused(written("a\tx\n", None, None, ""), &["train.tsv", "dev_fraction"]);
}

#[test]
fn a_repeated_id_is_refused() {
    let twice = Some("a\tyes\nb\tno\na\tno\n");
    let columns = "[fetch.files.columns]\nid = \"text\"\n";
    check_refused(written(&many(100), None, twice, columns), &["test.tsv, line 4", "`a`", "twice"]);
    let again = Some("text 7\tno\n");
    let parts = ["dev.tsv, line 2", "`text 7`", "leave out `fetch.files.columns.id`"];
    check_refused(written(&many(100), again, None, columns), &parts);
}

#[test]
fn train_and_test_may_both_be_numbered_from_one() {
    let columns = "[fetch.files.columns]\nid = \"text\"\n";
    let (_, folder) = written(&many(100), None, Some(&many(10)), columns).unwrap();
    assert_eq!(read(&folder, Split::Test)[0].example_id, "text 0");
}

/// A corpus with these rows in every file, and with these labels.
fn fixed(rows: &[Row], labels: Option<Vec<String>>, shape: ExampleShape) -> Corpus {
    let rows = rows.to_vec();
    Corpus {
        name: "fixed",
        licence: "own",
        shape,
        files: Vec::new(),
        labels,
        known_rows: BTreeMap::new(),
        parser: Box::new(move |_| Ok(Box::new(rows.clone().into_iter().map(Ok)))),
    }
}

fn row(text: &str, text_pair: Option<&str>, truth: Truth) -> Row {
    Row { place: Place::Row(1), id: None, text: text.into(), text_pair: text_pair.map(str::to_owned), truth }
}

/// Writes the examples of `rows` from a single dev file, for a task of `shape`.
fn from_dev_file(rows: &[Row], shape: ExampleShape, keys: &str) -> Result<(Examples, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.json");
    fs::write(&path, "").unwrap();
    let files = RawFiles::from([(Split::Dev, vec![RawFile::local(&path, String::new()).unwrap()])]);
    let toml = format!("corpus = \"klue-nli\"\nmodel = \"scratch\"\nonly = \"dev\"\n{keys}");
    let corpus = fixed(rows, None, shape);
    let examples = write(&corpus, &files, &toml::from_str(&toml).unwrap(), shape, folder.path())?;
    Ok((examples, folder))
}

fn twenty(rows: &[Row]) -> Vec<Row> {
    std::iter::repeat_n(rows.to_vec(), 20).flatten().collect()
}

const SCORES: ExampleShape = ExampleShape { texts: Texts::Pair, truth: TruthKind::Score };

#[test]
fn a_single_dev_file_is_divided_into_three_splits() {
    let rows: Vec<Row> = (0..2_000).map(|n| row(&n.to_string(), Some("b"), Truth::Score(1.0))).collect();
    let keys = "dev_fraction = 0.1\ntest_fraction = 0.2\n";
    let (examples, folder) = from_dev_file(&rows, SCORES, keys).unwrap();
    assert!(examples.labels.is_empty());
    let mut all: Vec<Example> = Split::ALL.into_iter().flat_map(|split| read(&folder, split)).collect();
    assert_eq!(examples.rows.values().sum::<u64>(), 2_000);
    assert!((150..250).contains(&examples.rows[&Split::Dev]), "{examples:?}");
    assert!((330..470).contains(&examples.rows[&Split::Test]), "{examples:?}");
    all.sort_by_key(|example| example.text.parse::<u32>().unwrap());
    assert!(all.iter().zip(1..).all(|(example, number)| example.example_id == format!("dev-{number}")));
    let (examples, _folder) = from_dev_file(&rows, SCORES, "").unwrap();
    assert_eq!(examples.rows.len(), 2);
}

#[test]
fn a_task_without_truth_reads_only_the_text() {
    let rows = [row("가", Some("나"), Truth::Score(9.0)), row("다", None, Truth::Label("?".into()))];
    let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Nothing };
    let (examples, folder) = from_dev_file(&twenty(&rows), shape, "dev_fraction = 0.3").unwrap();
    assert!(examples.labels.is_empty());
    let train = read(&folder, Split::Train);
    assert!(!train.is_empty());
    assert!(train.iter().all(|example| example.text_pair.is_none() && example.truth == Truth::Unknown));
}

fn check_row(truth: Truth, parts: &[&str]) {
    let (texts, kind) = match &truth {
        Truth::Answers(_) => (Texts::QuestionInContext, TruthKind::Answers),
        Truth::Labels(_) => (Texts::One, TruthKind::Labels),
        _ => (Texts::One, TruthKind::Entities),
    };
    let pair = (texts != Texts::One).then_some("서울은 크다");
    let rows = vec![row("가나다", pair, truth); 40];
    check_refused(from_dev_file(&rows, ExampleShape { texts, truth: kind }, ""), parts);
}

#[test]
fn invalid_truths_are_refused() {
    let entity = |start, end, label: &str| shared::schema::Entity { start, end, label: label.into() };
    let entities =
        |all: &[(u32, u32, &str)]| Truth::Entities(all.iter().map(|e| entity(e.0, e.1, e.2)).collect());
    check_row(entities(&[(1, 4, "PS")]), &["row 1", "`dev-1`", "`PS` from character 1 to 4", "3 characters"]);
    check_row(entities(&[(1, 1, "PS")]), &["no part"]);
    check_row(entities(&[(1, 3, "PS"), (0, 2, "LC")]), &["`PS` from character 1 to 3 overlaps another"]);
    check_row(entities(&[(0, 2, "")]), &["the label is empty"]);
    check_row(entities(&[]), &["no labels"]);
    check_row(Truth::Labels(vec![]), &["no labels"]);
    let answer = shared::schema::Answer { start: 0, text: "부산".into() };
    check_row(Truth::Answers(vec![answer]), &["`dev-1`", "`부산`", "counts characters"]);
}

#[test]
fn entity_types_are_those_of_train_sorted() {
    let entity = |label: &str| shared::schema::Entity { start: 0, end: 1, label: label.into() };
    let rows: Vec<Row> =
        ["PS", "LC"].map(|label| row("가", None, Truth::Entities(vec![entity(label)]))).into();
    let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Entities };
    assert_eq!(from_dev_file(&twenty(&rows), shape, "").unwrap().0.labels, ["LC", "PS"]);
}
