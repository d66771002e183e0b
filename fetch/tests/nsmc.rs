//! Fetches the whole of NSMC, if the test data is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use shared::layout::{Split, fetched};
use shared::manifest::Manifest;
use shared::metadata::FetchMetadata;
use shared::schema::{Example, ExampleReader};

const CONFIG: &str =
    "name = \"nsmc\"\n[fetch]\ncorpus = \"nsmc\"\nmodel = \"beomi/kcbert-base\"\nweights = \"random\"\n";

fn read(folder: &Path, split: Split) -> Result<Vec<Example>> {
    let batches = ExampleReader::open(&fetched::examples(folder, split))?;
    Ok(batches.collect::<Result<Vec<_>>>()?.concat())
}

/// The ids and texts of a raw file, split only at tabs.
fn raw(path: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path)?;
    let row = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        fields.next().zip(fields.next()).with_context(|| format!("`{line}` has no text"))
    };
    let mut rows = text.split_terminator('\n').skip(1).map(row).collect::<Result<Vec<_>>>()?;
    rows.sort();
    Ok(rows)
}

/// Runs the program on NSMC below `folder`. Returns the stage's folder and the log.
fn fetch(mirror: &Path, folder: &Path) -> Result<(PathBuf, String)> {
    let config = folder.join("nsmc.toml");
    std::fs::write(&config, CONFIG)?;
    let output = Command::new(env!("CARGO_BIN_EXE_fetch"))
        .args(["--config".as_ref(), config.as_os_str()])
        .args(["--work".as_ref(), folder.join("work").as_os_str()])
        .args(["--set", &format!("fetch.mirror={}", mirror.display())])
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok((String::from_utf8(output.stdout)?.trim_end().into(), String::from_utf8(output.stderr)?))
}

#[test]
fn every_row_keeps_its_id_and_text() -> Result<()> {
    let mirror = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/mirror");
    if !mirror.is_dir() {
        eprintln!("skipped: {} is absent", mirror.display());
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (result, log) = fetch(&mirror, folder.path())?;
    let duplicates = "of 50000 texts are also in train, 1571 in train or dev";
    assert!(log.contains(duplicates), "{log}");
    let metadata: FetchMetadata = serde_json::from_value(Manifest::read(&result)?.metadata)?;
    assert_eq!(metadata.labels, ["negative", "positive"]);
    let [train, dev, test] = Split::ALL;
    assert_eq!(metadata.examples[&train] + metadata.examples[&dev], 150_000);
    assert_eq!(metadata.examples[&test], 50_000);

    let pairs = |examples: Vec<Example>| {
        let mut rows: Vec<_> = examples.into_iter().map(|e| (e.example_id, e.text)).collect();
        rows.sort();
        rows
    };
    let train = pairs([read(&result, train)?, read(&result, dev)?].concat());
    assert!(train == raw(&fetched::raw(&result).join("ratings_train.txt"))?, "train changed on the way");
    let test = pairs(read(&result, test)?);
    assert!(test == raw(&fetched::raw(&result).join("ratings_test.txt"))?, "test changed on the way");
    Ok(())
}
