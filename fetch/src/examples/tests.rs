use std::fs;
use std::path::PathBuf;

use shared::config::FetchConfig;
use shared::fault::kind_of;
use shared::schema::ExampleReader;
use tempfile::TempDir;

use super::*;
use crate::corpus;

/// The examples of own files with `lines` under the header `text<TAB>label`.
fn written(train: &str, dev: Option<&str>, test: Option<&str>, keys: &str) -> Result<(Examples, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let mut toml = "model = \"scratch\"\n[files]\n".to_owned();
    let mut files = BTreeMap::new();
    for (split, lines) in [(Split::Train, Some(train)), (Split::Dev, dev), (Split::Test, test)] {
        let Some(lines) = lines else { continue };
        let path = folder.path().join(format!("{split}.tsv"));
        fs::write(&path, format!("text\tlabel\n{lines}")).unwrap();
        toml.push_str(&format!("{split} = \"{}\"\n", path.display()));
        files.insert(split, RawFile::local(&path, String::new()).unwrap());
    }
    let config: FetchConfig = toml::from_str(&format!("{toml}{keys}")).unwrap();
    let examples = write(corpus::of(&config)?.as_ref(), &files, 0.25, folder.path())?;
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
fn dev_comes_out_of_train_and_test_stays_whole() {
    let (examples, folder) = written(&many(10_000), None, Some(&many(50)), "").unwrap();
    assert_eq!(examples.labels, ["no", "yes"]);
    let (train, dev) = (read(&folder, Split::Train), read(&folder, Split::Dev));
    assert_eq!(examples.rows[&Split::Train], train.len() as u64);
    assert_eq!(train.len() + dev.len(), 10_000);
    assert!((2_300..2_700).contains(&dev.len()), "{}", dev.len());
    assert!(dev.iter().all(|example| is_dev(&example.example_id, 0.25)));
    assert!(train.iter().all(|example| !is_dev(&example.example_id, 0.25)));
    let test = read(&folder, Split::Test);
    assert_eq!(
        (test.len(), test[49].example_id.as_str(), test[49].text.as_str()),
        (50, "test-50", "text 49")
    );
}

#[test]
fn rows_added_at_the_end_move_no_other() {
    let dev = |rows| read(&written(&many(rows), None, None, "").unwrap().1, Split::Dev);
    let (fewer, more) = (dev(300), dev(400));
    assert_eq!(fewer, more[..fewer.len()]);
}

#[test]
fn a_dev_file_leaves_train_whole() {
    let (examples, _folder) = written(&many(100), Some(&many(10)), None, "").unwrap();
    assert_eq!(examples.rows, BTreeMap::from([(Split::Train, 100), (Split::Dev, 10)]));
}

#[test]
fn listed_labels_keep_their_order() {
    let labels = "labels = [\"yes\", \"no\"]\n";
    assert_eq!(written(&many(100), None, None, labels).unwrap().0.labels, ["yes", "no"]);
}

#[test]
fn labels_out_of_the_list_are_refused() {
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
fn an_id_that_stands_twice_is_refused() {
    let twice = Some("a\tyes\nb\tno\na\tno\n");
    let columns = "[files.columns]\nid = \"text\"\n";
    check_refused(written(&many(100), None, twice, columns), &["test.tsv, line 4", "`a`", "twice"]);
    let again = Some("text 7\tno\n");
    let parts = ["dev.tsv, line 2", "`text 7`", "leave out `fetch.files.columns.id`"];
    check_refused(written(&many(100), again, None, columns), &parts);
}

#[test]
fn train_and_test_may_both_be_numbered_from_one() {
    let columns = "[files.columns]\nid = \"text\"\n";
    let (_, folder) = written(&many(100), None, Some(&many(10)), columns).unwrap();
    assert_eq!(read(&folder, Split::Test)[0].example_id, "text 0");
}
