//! Runs side by side.
#![allow(clippy::unwrap_used, reason = "only tests")]

use shared::layout::Stage;
use tests::Sandbox;

/// The tiny run, and one more of the name `other` that was made with `options`.
fn two_runs(options: &[&str]) -> Sandbox {
    let sandbox = Sandbox::trained();
    sandbox.run_all(&[&["--set", "name=other"], options].concat());
    sandbox
}

#[test]
fn a_run_stands_beside_another() {
    let sandbox = two_runs(&["--set", "train.learning_rate=1e-2"]);
    let before = sandbox.folder(Stage::Evaluate);
    let path = sandbox.work().run_link("other", Stage::Evaluate);
    for named in ["other", path.to_str().unwrap()] {
        let compared = sandbox.run(Stage::Evaluate, &["--compare", named]);
        assert_eq!(compared.code, Some(0), "{}", compared.stderr);
        for part in ["tiny", named, "accuracy", "McNemar", "macro-F1", "paired bootstrap"] {
            assert!(compared.stdout.contains(part), "{}\nlacks {part}", compared.stdout);
        }
    }
    assert_eq!(sandbox.folder(Stage::Evaluate), before);
}

#[test]
fn other_examples_are_refused() {
    let sandbox = two_runs(&["--set", "evaluate.split=dev"]);
    let refused = sandbox.run(Stage::Evaluate, &["--compare", "other"]);
    refused.check_refused(3, &["tiny and other", "same split"]);
}

#[test]
fn a_run_that_is_not_there_is_named() {
    let sandbox = Sandbox::trained();
    let compare =
        |options: &[&str]| sandbox.run(Stage::Evaluate, &[options, &["--compare", "nobody"]].concat());
    compare(&[]).check_refused(3, &["runs/nobody/evaluate", "does not exist"]);
    compare(&["--set", "evaluate.split=dev"]).check_refused(3, &["nothing to compare with", "run `"]);
}
