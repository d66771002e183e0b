//! `metrics` against what the public scorers say, in `tests/metrics/cases.json`; `make_cases.py`
//! beside that file says who they are.
#![allow(clippy::unwrap_used, clippy::panic, reason = "only tests")]

use std::fs;

use metrics::answers::{AnswerScores, score};
use metrics::calibration::{Judged, calibration};
use metrics::entities::{CharacterScores, Entity, EntityScores, Tag, lenient_entities, strict_entities};
use metrics::multi_label::{best_threshold, counts_from, label_ranking_average_precision};
use metrics::ranking::{Scored, precision_recall, roc};
use metrics::regression::{self, PARAPHRASE, Rating, mean_squared_error, pearson, spearman};
use metrics::significance::mcnemar;
use metrics::{Confusion, Counts, macro_f1};
use serde_json::Value;
use tests::workspace;

const TOLERANCE: f64 = 1e-6;

fn cases(family: &str) -> Vec<Value> {
    let text = fs::read_to_string(workspace().join("tests/metrics/cases.json")).unwrap();
    let mut families: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(cases) = families[family].take() else { panic!("{family}: no list of cases") };
    assert!(cases.len() >= 50, "{family}");
    cases
}

/// Relative to values over 1: squared errors may be large.
fn check(case: &Value, what: &str, ours: impl Into<Option<f64>>, theirs: &Value) {
    match (ours.into(), theirs.as_f64()) {
        (None, None) if theirs.is_null() => {}
        (Some(ours), Some(theirs)) if (ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0) => {}
        (ours, _) => panic!("{what}: {ours:?}, and {theirs} by the public scorer, of {case}"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    list(value).iter().map(|value| value.as_f64().unwrap()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn digits(value: &Value) -> Vec<usize> {
    text(value).chars().map(|digit| digit.to_digit(10).unwrap() as usize).collect()
}

fn scored(scores: &[f64], truth: &Value) -> Vec<Scored> {
    let scored = |(&score, digit)| Scored { score, positive: digit == 1 };
    scores.iter().zip(digits(truth)).map(scored).collect()
}

fn check_counts(case: &Value, counts: Counts, theirs: &Value) {
    check(case, "precision", counts.precision(), &theirs[0]);
    check(case, "recall", counts.recall(), &theirs[1]);
    check(case, "F1", counts.f1(), &theirs[2]);
}

#[test]
fn classification() {
    for case in cases("classification") {
        let classes = list(&case["classes"]);
        let mut confusion = Confusion::new(classes.len());
        for (truth, predicted) in digits(&case["truth"]).into_iter().zip(digits(&case["predicted"])) {
            confusion.add(truth, predicted);
        }
        check(&case, "accuracy", confusion.accuracy(), &case["accuracy"]);
        check(&case, "macro-F1", confusion.macro_f1(), &case["macro_f1"]);
        let names = vec![String::new(); classes.len()];
        for (ours, theirs) in confusion.classes(&names).iter().zip(classes) {
            check(&case, "precision", ours.precision, &theirs[0]);
            check(&case, "recall", ours.recall, &theirs[1]);
            check(&case, "F1", ours.f1, &theirs[2]);
        }
    }
}

#[test]
fn regression() {
    for case in cases("regression") {
        let pairs = floats(&case["predicted"]).into_iter().zip(floats(&case["labels"]));
        let ratings: Vec<Rating> = pairs.map(|(predicted, label)| Rating { predicted, label }).collect();
        check(&case, "Pearson", pearson(&ratings).ok(), &case["pearson"]);
        check(&case, "Spearman", spearman(&ratings).ok(), &case["spearman"]);
        check(&case, "F1", regression::counts_from(&ratings, PARAPHRASE).f1(), &case["f1"]);
        check(&case, "squared error", mean_squared_error(&ratings), &case["mse"]);
    }
}

#[test]
fn multi_label() {
    for case in cases("multi_label") {
        let row = |(scores, truth): (&Value, &Value)| {
            let scores: Vec<f64> = floats(scores).iter().map(|score| score / 64.0).collect();
            scored(&scores, truth)
        };
        let rows: Vec<_> = list(&case["scores_64ths"]).iter().zip(list(&case["truth"])).map(row).collect();
        let counts = counts_from(&rows, rows[0].len(), case["threshold"].as_f64().unwrap());
        check(&case, "micro-F1", counts.iter().copied().sum::<Counts>().f1(), &case["micro_f1"]);
        check(&case, "macro-F1", macro_f1(&counts), &case["macro_f1"]);
        check(&case, "ranking precision", label_ranking_average_precision(&rows), &case["lrap"]);
        check(&case, "threshold", best_threshold(&rows), &case["best_threshold"]);
    }
}

/// The classes of the tags, in the order of their ids.
const CLASSES: [&str; 3] = ["PS", "LC", "OG"];

fn tags(text: &str) -> Vec<Tag> {
    let class = |char: char| "ABC".find(char.to_ascii_uppercase()).unwrap();
    let tag = |char: char| match char {
        '.' => Tag::Outside,
        begin if begin.is_ascii_uppercase() => Tag::Begin(class(begin)),
        inside => Tag::Inside(class(inside)),
    };
    text.chars().map(tag).collect()
}

fn sides(case: &Value) -> Vec<(Vec<Tag>, Vec<Tag>)> {
    let texts = list(&case["truth"]).iter().zip(list(&case["predicted"]));
    texts.map(|(truth, predicted)| (tags(text(truth)), tags(text(predicted)))).collect()
}

fn entity_scores(case: &Value, decode: impl Fn(&[Tag]) -> Vec<Entity>) -> EntityScores {
    let mut scores = EntityScores::new(CLASSES.len());
    for (truth, predicted) in sides(case) {
        scores.add(&decode(&truth), &decode(&predicted));
    }
    scores
}

#[test]
fn entities() {
    for case in cases("entities") {
        let strict = entity_scores(&case, strict_entities);
        check_counts(&case, strict.micro(), &case["micro"]);
        check(&case, "macro-F1", strict.macro_f1(), &case["macro_f1"]);
        let nowhere = serde_json::json!([0.0, 0]);
        for class in strict.classes(&CLASSES.map(String::from)) {
            let theirs = case["classes"].get(&class.label).unwrap_or(&nowhere);
            check(&case, &class.label, class.f1, &theirs[0]);
            check(&case, &class.label, class.support as f64, &theirs[1]);
        }
        let lenient = entity_scores(&case, lenient_entities);
        check(&case, "lenient F1", lenient.micro().f1(), &case["lenient_f1"]);
    }
}

#[test]
fn characters_of_entities() {
    for case in cases("entities") {
        let mut scores = CharacterScores::new(CLASSES.len());
        for (truth, predicted) in sides(&case) {
            truth.into_iter().zip(predicted).for_each(|(truth, predicted)| scores.add(truth, predicted));
        }
        check(&case, "character F1", scores.macro_f1(), &case["character_f1"][0]);
        check(&case, "without O", scores.macro_f1_without_outside(), &case["character_f1"][1]);
    }
}

#[test]
fn answers() {
    let (mut totals, mut exact_match, mut f1) = (AnswerScores::default(), 0.0, 0.0);
    for case in cases("answers") {
        let truths: Vec<&str> = list(&case["truths"]).iter().map(text).collect();
        let ours = score(text(&case["prediction"]), &truths);
        check(&case, "exact match", ours.exact_match, &case["scores"][0]);
        check(&case, "F1", ours.f1, &case["scores"][1]);
        totals.add(ours);
        exact_match += case["scores"][0].as_f64().unwrap();
        f1 += case["scores"][1].as_f64().unwrap();
    }
    let per_cent = |sum: f64| (100.0 * sum / totals.questions() as f64).into();
    check(&Value::Null, "exact match of all", totals.exact_match(), &per_cent(exact_match));
    check(&Value::Null, "F1 of all", totals.f1(), &per_cent(f1));
}

#[test]
fn ranking() {
    for case in cases("ranking") {
        let rows = scored(&floats(&case["scores"]), &case["truth"]);
        let (roc, curve) = (roc(&rows).unwrap(), precision_recall(&rows).unwrap());
        check(&case, "AUC", roc.auc, &case["auc"]);
        check(&case, "average precision", curve.average_precision, &case["average_precision"]);
        assert_eq!(roc.points.len(), list(&case["roc"]).len(), "{case}");
        for (point, theirs) in roc.points.iter().zip(list(&case["roc"])) {
            check(&case, "false positives", point.false_positive_rate, &theirs[0]);
            check(&case, "true positives", point.true_positive_rate, &theirs[1]);
        }
        assert_eq!(curve.points.len(), list(&case["precision_recall"]).len() + 1, "{case}");
        for (point, theirs) in curve.points.iter().skip(1).zip(list(&case["precision_recall"])) {
            check(&case, "threshold", point.threshold, &theirs[0]);
            check(&case, "precision", point.precision, &theirs[1]);
            check(&case, "recall", point.recall, &theirs[2]);
        }
    }
}

#[test]
fn calibration_of_confidences() {
    for case in cases("calibration") {
        let judged = |(confidence, correct)| Judged { confidence, correct: correct == 1 };
        let rows = floats(&case["confidences"]).into_iter().zip(digits(&case["correct"])).map(judged);
        let ours = calibration(&rows.collect::<Vec<_>>()).unwrap();
        check(&case, "error", ours.expected_error, &case["expected_error"]);
        assert_eq!(ours.bins.len(), list(&case["bins"]).len(), "{case}");
        for (bin, theirs) in ours.bins.iter().zip(list(&case["bins"])) {
            check(&case, "confidence", bin.confidence, &theirs[0]);
            check(&case, "accuracy", bin.accuracy, &theirs[1]);
        }
    }
}

#[test]
fn mcnemar_test() {
    for case in cases("mcnemar") {
        let counts = list(&case);
        let p_value = mcnemar(counts[0].as_u64().unwrap(), counts[1].as_u64().unwrap());
        check(&case, "p-value", p_value, &counts[2]);
    }
}
