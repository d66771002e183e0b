//! Labels in the spellings of files.

use shared::schema::Entity;

use super::super::labels::Labels;
use super::*;

/// Lines for a number of `rows` with different texts and these labels in turn.
fn with_labels(labels: &[&str], rows: usize) -> String {
    labels.iter().cycle().take(rows).zip(0..).map(|(label, row)| format!("text {row}\t{label}\n")).collect()
}

fn check_labels(written_as: &[&str], expect: &[&str]) {
    let (examples, folder) = written(&with_labels(written_as, 200), None, None, "").unwrap();
    assert_eq!(examples.labels, expect);
    let known = |example: &Example| examples.labels.contains(example.truth.as_label().unwrap());
    assert!(read(&folder, Split::Train).iter().all(known));
}

#[test]
fn integer_labels_are_sorted_by_their_values() {
    let labels: Vec<String> = (0..12).map(|label| label.to_string()).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    check_labels(&labels, &labels);
    check_labels(&["b", "10", "-1", "a", "9"], &["-1", "9", "10", "a", "b"]);
}

#[test]
fn spellings_of_a_label_are_one_class() {
    check_labels(&["나", "\u{1102}\u{1161}", "가"], &["가", "나"]);
    check_labels(&["x", "x ", " y", "\u{3000}y"], &["x", "y"]);
    check_labels(&["1", "1.0", "0.0", "0"], &["0", "1"]);
    check_labels(&["1.5", "1.0"], &["1", "1.5"]);
}

#[test]
fn test_and_listed_labels_may_be_spelled_differently() {
    let test = with_labels(&["1.0", "0.0"], 10);
    let (examples, folder) = written(&with_labels(&["1", "0"], 100), None, Some(&test), "").unwrap();
    assert_eq!(examples.labels, ["0", "1"]);
    assert_eq!(read(&folder, Split::Test)[0].truth, Truth::Label("1".into()));
    let listed = "labels = [\"1.0\", \" 0\"]\n";
    let (examples, folder) = written(&with_labels(&["1", "0"], 100), None, Some(&test), listed).unwrap();
    assert_eq!(examples.labels, ["1.0", " 0"]);
    assert_eq!(read(&folder, Split::Test)[1].truth, Truth::Label(" 0".into()));
}

#[test]
fn label_sets_and_entities_follow_the_same_rules() {
    let set = |labels: &[&str]| Truth::Labels(labels.iter().map(|label| (*label).to_owned()).collect());
    let rows = [row("a", None, set(&["x", "x "])), row("b", None, set(&["1.0", "1", "y"]))];
    let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Labels };
    let (examples, folder) = from_dev_file(&twenty(&rows), shape, "").unwrap();
    assert_eq!(examples.labels, ["1", "x", "y"]);
    let train = read(&folder, Split::Train);
    assert!(train.iter().all(|example| [set(&["x"]), set(&["1", "y"])].contains(&example.truth)));
    let entity = |label: &str| Truth::Entities(vec![Entity { start: 0, end: 1, label: label.into() }]);
    let rows = [row("a", None, entity("PS ")), row("b", None, entity("PS"))];
    let shape = ExampleShape { texts: Texts::One, truth: TruthKind::Entities };
    assert_eq!(from_dev_file(&twenty(&rows), shape, "").unwrap().0.labels, ["PS"]);
}

#[test]
fn a_list_in_an_error_is_bounded() {
    let labels: Vec<String> = (0..14).map(|label| format!("\"label {label}\"")).collect();
    let listed = format!("labels = [{}]\n", labels.join(", "));
    check_refused(written("a\tother\n", None, None, &listed), &["`other`", "`label 9` and 4 more"]);
}

/// The state and the warnings after train with one example for each of `labels`; `listed` are the corpus' own labels.
fn after_train(labels: &[&str], truth: TruthKind, listed: Option<&[&str]>) -> (Labels, Vec<String>) {
    let listed = listed.map(|labels| labels.iter().map(|label| (*label).to_owned()).collect());
    let mut all = Labels::of(&fixed(&[], listed, SCORES), truth);
    for label in labels {
        let mut label = (*label).to_owned();
        all.normalize(&mut label).unwrap();
        all.add_trained(&Truth::Label(label));
    }
    let warnings = all.warnings();
    (all, warnings)
}

fn check_warnings(labels: &[&str], expect: &[&str]) {
    let (_, warnings) = after_train(labels, TruthKind::Label, None);
    assert_eq!(warnings.len(), expect.len(), "{warnings:?}");
    warnings.iter().zip(expect).for_each(|(warning, part)| assert!(warning.contains(part), "{warning}"));
}

#[test]
fn suspicious_labels_are_warned_of() {
    let many: Vec<String> = (0..400).map(|label| format!("c{label}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check_warnings(
        &[many.clone(), many.clone(), many.clone()].concat(),
        &["400 different labels in 1200 rows"],
    );
    check_warnings(&many[..30], &["30 different labels in 30 rows"]);
    check_warnings(&[&many[..30], &many[..30]].concat(), &[]);
    check_warnings(&["0", "0.5", "1"], &["the labels `0.5` are numbers that are not whole"]);
    check_warnings(&["a", "0.5"], &[]);
    check_warnings(&["Yes", "yes", "no"], &["the labels `Yes`, `yes` look alike"]);
    check_warnings(&["01", "1", "2"], &["the labels `01`, `1` look alike"]);
}

#[test]
fn a_listed_label_without_examples_is_warned_of() {
    let (labels, _) = after_train(&["a", "b"], TruthKind::Label, Some(&["a", "b", "c"]));
    assert!(labels.untrained().unwrap().contains("the label `c`"));
    let (labels, _) = after_train(&["a", "b"], TruthKind::Label, Some(&["a", "b"]));
    assert_eq!(labels.untrained(), None);
}

#[test]
fn other_spellings_are_reported_once() {
    let (mut labels, _) = after_train(&["a", "a ", "b", "a ", " b"], TruthKind::Label, None);
    let sentence = labels.respelled().unwrap();
    assert!(
        sentence.starts_with("3 labels are spelled differently and read as one, ` b` as `b`, `a ` as `a`;"),
        "{sentence}"
    );
    assert_eq!(labels.respelled(), None);
}
