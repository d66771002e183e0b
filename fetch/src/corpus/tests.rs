use std::path::Path;

use shared::fault::kind_of;
use shared::layout::Split;

use shared::config::Config;

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
fn a_corpus_is_called_what_the_config_calls_it() {
    for name in CorpusName::ALL {
        assert_eq!(serde_json::to_value(name).unwrap(), registered(name).name());
    }
}

#[test]
fn every_split_with_a_file_has_a_known_size() {
    for corpus in CorpusName::ALL.map(registered) {
        for split in Split::ALL {
            let has_file = corpus.origins().iter().any(|(of, _)| *of == split);
            assert_eq!(has_file, corpus.known_rows(split).is_some(), "{} {split}", corpus.name());
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

/// The examples of the files of `split` in the folder `mirror`, checked and written, if they all are there.
fn mirrored(corpus: &dyn Corpus, split: Split, mirror: &Path) -> Option<u64> {
    let file = |origin| match origin {
        Origin::Url(url) => RawFile::local(&mirror.join(url.strip_prefix("https://")?), String::new()).ok(),
        Origin::File(_) => None,
    };
    let origins = corpus.origins().into_iter().filter(|(of, _)| *of == split);
    let files: Vec<RawFile> = origins.map(|(_, origin)| file(origin)).collect::<Option<_>>()?;
    let config = format!("corpus = \"{}\"\nmodel = \"scratch\"\nonly = \"{split}\"\n", corpus.name());
    let config = toml::from_str(&config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = RawFiles::from([(split, files)]);
    let examples = examples::write(corpus, &files, &config, corpus.shape(), folder.path()).unwrap();
    Some(examples.rows.values().sum())
}

#[test]
fn the_real_files_are_read_whole() {
    let mirror = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/mirror");
    if !mirror.is_dir() {
        eprintln!("skipped: {} is absent", mirror.display());
        return;
    }
    for corpus in CorpusName::ALL.map(registered) {
        for split in Split::ALL.into_iter().filter(|split| corpus.known_rows(*split).is_some()) {
            match mirrored(corpus.as_ref(), split, &mirror) {
                None => eprintln!("skipped: {} {split} is absent", corpus.name()),
                rows => assert_eq!(rows, corpus.known_rows(split), "{} {split}", corpus.name()),
            }
        }
    }
}
