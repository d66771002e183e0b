//! Comparison with `transformers` for tokenizer files that override each other (`tests/golden/make_tokenizers.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use shared::layout::hub;
use shared::tokens::Tokenizer as _;

use crate::{BoundedTokenizer, SavedTokenizer};

const POSITIONS: usize = 64;

#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// The contents of the files, by name.
    files: BTreeMap<String, String>,
    /// The ids of each text.
    ids: Vec<Vec<u32>>,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/tokenizers.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn check(folder: &Path, texts: &[String], expect: &[Vec<u32>], what: &str) {
    let tokenizer = BoundedTokenizer::load(folder, POSITIONS).unwrap();
    let mut session = tokenizer.session();
    let found: Vec<Vec<u32>> = texts.iter().map(|text| session.encode(text).unwrap().ids).collect();
    assert_eq!(found, expect, "{what}");
}

#[test]
fn ids_match_transformers_where_files_override_each_other() {
    let Golden { texts, cases } = golden();
    assert!(cases.len() >= 16);
    for Case { name, files, ids } in cases {
        let [own, saved] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        files.iter().for_each(|(file, text)| fs::write(own.path().join(file), text).unwrap());
        check(own.path(), &texts, &ids, &name);
        SavedTokenizer::read(own.path(), POSITIONS).unwrap().write(saved.path()).unwrap();
        fs::write(saved.path().join(hub::CONFIG), &files[hub::CONFIG]).unwrap();
        check(saved.path(), &texts, &ids, &format!("{name}, saved"));
    }
}
