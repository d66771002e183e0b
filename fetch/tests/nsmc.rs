//! The whole of NSMC through the library, where the data is at hand.

use std::path::Path;
use std::process::Command;

use shared::facts::FetchFacts;
use shared::layout::{Split, fetched};
use shared::manifest::Manifest;
use shared::schema::{Example, ExampleReader};

const CONFIG: &str =
    "name = \"nsmc\"\n[fetch]\ncorpus = \"nsmc\"\nmodel = \"beomi/kcbert-base\"\nweights = \"random\"\n";

fn read(folder: &Path, split: Split) -> Vec<Example> {
    ExampleReader::open(&fetched::examples(folder, split)).unwrap().flat_map(Result::unwrap).collect()
}

/// The rows of a raw file, cut at its tabs and nowhere else.
fn raw(path: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows: Vec<(String, String)> = text
        .split_terminator('\n')
        .skip(1)
        .map(|line| {
            let mut fields = line.split('\t');
            (fields.next().unwrap().to_owned(), fields.next().unwrap().to_owned())
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn every_row_comes_out_as_it_stands_in_the_file() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let mirror = shared.join("mirror");
    if !mirror.is_dir() {
        println!("skipped: {} is absent", mirror.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("nsmc.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fetch"))
        .args(["--config".as_ref(), config.as_os_str()])
        .args(["--work".as_ref(), folder.path().join("work").as_os_str()])
        .arg("--set")
        .arg(format!("fetch.mirror={}", mirror.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let result = Path::new(stdout.trim_end());

    let facts: FetchFacts = serde_json::from_value(Manifest::read(result).unwrap().facts).unwrap();
    assert_eq!(facts.labels, ["negative", "positive"]);
    let [train, dev, test] = Split::ALL;
    assert_eq!(facts.examples[&train] + facts.examples[&dev], 150_000);
    assert_eq!(facts.examples[&test], 50_000);

    for (splits, name) in [(vec![train, dev], "ratings_train.txt"), (vec![test], "ratings_test.txt")] {
        let examples = splits.into_iter().flat_map(|split| read(result, split));
        let mut rows: Vec<(String, String)> = examples.map(|e| (e.example_id, e.text)).collect();
        rows.sort();
        assert!(rows == raw(&fetched::raw(result).join(name)), "{name} changed on the way");
    }
}
