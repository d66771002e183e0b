//! A tiny model for the tests of this crate.

use std::fs;
use std::path::Path;

use shared::layout::hub;
use tempfile::TempDir;

/// A model's folder with a WordPiece vocabulary and 16 positions, and no weights.
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
