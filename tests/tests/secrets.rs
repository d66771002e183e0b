//! A password in the config is in no output of any stage, and in no fingerprint.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::fs;

use shared::layout::{Stage, evaluated};
use tests::{Sandbox, files_below};

const MIRROR: [&str; 2] = ["--set", "fetch.mirror=http://user:PASS@127.0.0.1:9/hub"];
const OTHERS: [&str; 2] = ["--set", "fetch.mirror=http://other:WORD@127.0.0.1:9/hub"];

#[test]
fn a_mirrors_password_is_in_no_output_and_in_no_fingerprint() {
    let sandbox = Sandbox::new();
    let early = sandbox.run(Stage::Tokenize, &MIRROR);
    early.check_refused(3, &["--set 'fetch.mirror=http://***@127.0.0.1:9/hub'"]);
    let mut said = early.stderr;
    for log in ["text", "json"] {
        for run in sandbox.run_all(&[MIRROR[0], MIRROR[1], "--log", log]).values() {
            said.extend([run.stdout.as_str(), run.stderr.as_str()]);
        }
    }
    for file in files_below(&sandbox.path("work")) {
        said.push_str(&String::from_utf8_lossy(&fs::read(file).unwrap()));
    }
    ["PASS", "dXNlcjpQQVNT"].iter().for_each(|secret| assert!(!said.contains(secret)));
    let report = fs::read_to_string(evaluated::report(&sandbox.folder(Stage::Evaluate))).unwrap();
    assert!(report.contains("http://127.0.0.1:9/hub"));
    sandbox.run_all(&OTHERS).values().for_each(|run| assert!(run.reused(), "{}", run.stderr));
}
