mod registered;

use std::path::Path;

use shared::config::Config;
use shared::fault::kind_of;
use shared::layout::Split;

use super::*;
use crate::examples;
use crate::raw::RawFiles;

#[test]
fn the_table_names_every_corpus() {
    let table = table();
    assert_eq!(table.lines().count(), 1 + CorpusName::ALL.len());
    let nsmc = table.lines().find(|line| line.starts_with("nsmc ")).unwrap();
    ["classification", "train 150000, test 50000", "CC0-1.0", "https://github.com/e9t/nsmc"]
        .iter()
        .for_each(|part| assert!(nsmc.contains(part), "`{nsmc}` lacks `{part}`"));
}

#[test]
fn every_corpus_has_its_name_in_the_config() {
    for name in CorpusName::ALL {
        assert_eq!(serde_json::to_value(name).unwrap(), registered(name).name);
    }
}

#[test]
fn every_split_with_a_file_has_a_known_size() {
    for corpus in CorpusName::ALL.map(|name| Corpus::from(registered(name))) {
        for split in Split::ALL {
            let has_file = corpus.files.iter().any(|(of, _)| *of == split);
            assert_eq!(has_file, corpus.known_rows.contains_key(&split), "{} {split}", corpus.name);
        }
    }
}

fn check_refused(keys: &str, fetch: &str, parts: &[&str]) {
    let toml = format!("name = \"a\"\n{keys}\n[fetch]\nmodel = \"scratch\"\n{fetch}\n");
    let config: Config = toml::from_str(&toml).unwrap();
    let error = of(&config.fetch, config.task, config.evaluate.split, None).err().unwrap();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), 2, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

#[test]
fn a_corpus_for_another_task_or_without_the_split_is_refused() {
    check_refused(
        "",
        "corpus = \"klue-nli\"",
        &["`fetch.corpus`", "pair_classification", "`task` is classification"],
    );
    let pairs = "task = \"pair_classification\"";
    check_refused(pairs, "corpus = \"nsmc\"", &["nsmc", "a corpus for classification"]);
    check_refused(pairs, "corpus = \"klue-nli\"", &["`evaluate.split`", "klue-nli", "fetch.test_fraction"]);
    check_refused(pairs, "corpus = \"klue-nli\"\nonly = \"test\"", &["`fetch.only`", "klue-nli"]);
}

/// Checks and writes the examples of `split` from the folder `mirror`. Returns their number, and none if a file is absent.
fn mirrored(corpus: &Corpus, split: Split, mirror: &Path) -> Option<u64> {
    let file = |location: &FileLocation| match location {
        FileLocation::Url(url) => {
            RawFile::local(&mirror.join(url.strip_prefix("https://")?), String::new()).ok()
        }
        FileLocation::Path(_) => None,
    };
    let locations = corpus.files.iter().filter(|(of, _)| *of == split);
    let files: Vec<RawFile> = locations.map(|(_, location)| file(location)).collect::<Option<_>>()?;
    let config = format!("corpus = \"{}\"\nmodel = \"scratch\"\nonly = \"{split}\"\n", corpus.name);
    let config = toml::from_str(&config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = RawFiles::from([(split, files)]);
    let examples = examples::write(corpus, &files, &config, corpus.shape, folder.path()).unwrap();
    Some(examples.rows.values().sum())
}

#[test]
fn the_real_files_are_read_whole() {
    let mirror = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/mirror");
    if !mirror.is_dir() {
        eprintln!("skipped: {} is absent", mirror.display());
        return;
    }
    for corpus in CorpusName::ALL.map(|name| Corpus::from(registered(name))) {
        for (&split, &known) in &corpus.known_rows {
            match mirrored(&corpus, split, &mirror) {
                None => eprintln!("skipped: {} {split} is absent", corpus.name),
                Some(rows) => assert_eq!(rows, known, "{} {split}", corpus.name),
            }
        }
    }
}
