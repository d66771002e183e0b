//! A tiny model for the tests of this crate.

use std::fs;
use std::path::Path;

use shared::layout::hub;
use tempfile::TempDir;
use tokenizers::Tokenizer;

use crate::model_files::TokenizerConfig;
use crate::wordpiece;

pub(crate) const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n##가\n좋다\n!\ngood\n美\n国\n";

/// A model's folder with 12 tokens and 16 positions, and no weights.
pub(crate) struct Model(TempDir);

impl Model {
    pub(crate) fn word_piece() -> Model {
        let model = Model(tempfile::tempdir().unwrap());
        model.write(hub::CONFIG, r#"{"vocab_size": 12, "max_position_embeddings": 16}"#);
        model.write(hub::VOCAB, VOCAB);
        model.write(hub::TOKENIZER_CONFIG, r#"{"do_lower_case": false}"#);
        model
    }

    /// The same tokenizer as a `tokenizer.json`, after `change`.
    pub(crate) fn tokenizer_json(change: impl FnOnce(&mut Tokenizer)) -> Model {
        let model = Model::word_piece();
        let vocab = model.path().join(hub::VOCAB);
        let mut tokenizer =
            wordpiece::from_vocab(&vocab, &TokenizerConfig::read(model.path()).unwrap()).unwrap();
        change(&mut tokenizer);
        tokenizer.save(model.path().join(hub::TOKENIZER), false).unwrap();
        model.remove(hub::VOCAB);
        model
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path().join(name)).unwrap();
    }
}
