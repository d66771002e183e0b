//! A tiny model for the tests of this crate, and the paths of test data outside the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use shared::layout::hub;
use tempfile::TempDir;

/// The folder of a model with a WordPiece vocabulary and 16 positions, without weights.
pub(crate) struct Model(TempDir);

impl Model {
    pub(crate) fn word_piece() -> Model {
        let model = Model(tempfile::tempdir().unwrap());
        let files = [
            (hub::CONFIG, r#"{"vocab_size": 9, "max_position_embeddings": 16}"#),
            (hub::VOCAB, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n##가\n좋다\n!\n"),
            (hub::TOKENIZER_CONFIG, r#"{"do_lower_case": false}"#),
        ];
        files.iter().for_each(|(name, text)| fs::write(model.path().join(name), text).unwrap());
        model
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The path of a file or folder in the test data outside the workspace. Prints a line and returns none where it is absent.
pub(crate) fn test_data(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
    }
    path.exists().then_some(path)
}
