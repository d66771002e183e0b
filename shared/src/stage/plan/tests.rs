use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;
use crate::console::LogFormat;
use crate::fault::kind_of;
use crate::layout::{hub, trained};
use crate::manifest::{FORMAT_VERSION, Manifest, Provenance, seal_files};

/// A work folder with the config of a run that starts from the model of the run `base`.
struct Machine(TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(tempfile::tempdir().unwrap());
        let config = "name = \"next\"\n[fetch]\ncorpus = \"nsmc\"\nmodel = \"run:base\"\n";
        fs::write(machine.0.path().join("next.toml"), config).unwrap();
        machine
    }

    fn place(&self) -> Work {
        Work::new(self.0.path().join("work"))
    }

    /// Puts a finished training there, as the run's.
    fn train(&self, fingerprint: &str, weights: &str) -> PathBuf {
        let folder = self.place().folder(Stage::Train, fingerprint);
        fs::create_dir_all(folder.join("model")).unwrap();
        fs::write(trained::model(&folder).join(hub::WEIGHTS), weights).unwrap();
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            stage: Stage::Train,
            fingerprint: fingerprint.to_owned(),
            config: serde_json::json!({}),
            inputs: BTreeMap::new(),
            metadata: serde_json::json!({}),
            provenance: Provenance { version: String::new(), wall_seconds: 1.0, peak_memory_bytes: None },
            files: seal_files(&folder).unwrap(),
            digest: String::new(),
        };
        manifest.write(&folder).unwrap();
        link_run(&self.place().run_link("base", Stage::Train), &folder).unwrap();
        folder
    }

    fn args(&self, sets: &[&str]) -> StageArgs {
        StageArgs {
            run: RunArgs {
                config: self.0.path().join("next.toml"),
                set: sets.iter().map(|&set| set.to_owned()).collect(),
                work: self.place().root().to_owned(),
            },
            force: false,
            dry_run: false,
            verify: false,
            lock_wait: 0,
            log: LogFormat::default(),
        }
    }

    /// The fingerprint of fetch, whose one input is the training at `folder`.
    fn fetch(&self, folder: Option<&Path>, sets: &[&str]) -> Result<String> {
        let args = self.args(sets);
        let plan = Plan::new(Stage::Fetch, &args)?;
        let inputs: Vec<(Stage, &Path)> =
            plan.inputs.iter().map(|(stage, folder)| (*stage, folder.path())).collect();
        let expected: Vec<(Stage, &Path)> = folder.into_iter().map(|folder| (Stage::Train, folder)).collect();
        assert_eq!(inputs, expected);
        Ok(plan.fingerprint)
    }
}

fn check_refused(outcome: Result<String>, code: u8, parts: &[&str]) {
    let error = outcome.unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), code, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

#[test]
fn the_content_of_the_named_run_counts() {
    let machine = Machine::new();
    let first = machine.train("0123456789abcdef", "one");
    let fingerprint = machine.fetch(Some(&first), &[]).unwrap();
    let same = machine.train("0123456789abcde0", "one");
    assert_eq!(machine.fetch(Some(&same), &[]).unwrap(), fingerprint);
    let other = machine.train("0123456789abcde1", "two");
    assert_ne!(machine.fetch(Some(&other), &[]).unwrap(), fingerprint);
    machine.fetch(None, &["fetch.model=scratch"]).unwrap();
}

#[test]
fn a_local_file_that_changes_while_it_is_read_ends_the_stage() {
    let machine = Machine::new();
    let (config, train) = (machine.0.path().join("next.toml"), machine.0.path().join("train.tsv"));
    let files = format!("files = {{ train = \"{}\" }}\ntest_fraction = 0.1\n", train.display());
    fs::write(config, format!("name = \"next\"\n[fetch]\nmodel = \"scratch\"\n{files}")).unwrap();
    fs::write(&train, "a").unwrap();
    let args = machine.args(&[]);
    let plan = Plan::new(Stage::Fetch, &args).unwrap();
    plan.check_local_files().unwrap();
    fs::write(&train, "another").unwrap();
    let outcome = plan.check_local_files().map(|()| String::new());
    check_refused(outcome, 4, &["`fetch.files`", "was changed while it was read"]);
}

#[test]
fn a_run_that_is_absent_or_damaged_is_refused() {
    let machine = Machine::new();
    check_refused(machine.fetch(None, &[]), 3, &["base", "does not exist", "make all CONFIG="]);
    let folder = machine.train("0123456789abcdef", "one");
    fs::write(trained::model(&folder).join(hub::WEIGHTS), "changed").unwrap();
    check_refused(machine.fetch(None, &[]), 3, &[hub::WEIGHTS, "was changed"]);
    fs::remove_dir_all(&folder).unwrap();
    check_refused(machine.fetch(None, &[]), 3, &["base", "does not exist"]);
    check_refused(machine.fetch(None, &["fetch.model=run:next"]), 2, &["`fetch.model`", "this run itself"]);
    check_refused(machine.fetch(None, &["fetch.model=run:a/b"]), 2, &["`fetch.model`", "no name of a run"]);
}
