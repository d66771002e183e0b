//! Tiny models for the tests of this crate.

use std::fs;
use std::path::Path;

use shared::layout::hub;
use tempfile::TempDir;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{NFKC, Replace, Sequence};
use tokenizers::pre_tokenizers::metaspace::Metaspace;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

use crate::files::TokenizerFiles;
use crate::loaded::LoadedTokenizer;

pub(crate) const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n##가\n좋다\n!\ngood\n美\n国\n";

/// The pieces of a Unigram vocabulary. Some pieces have the probability of other pieces' product, so that ties occur.
const UNIGRAM: &str = "<s> <pad> </s> <unk> ▁ 영화 ▁영화 ▁좋 좋다 다 ▁가 가 나 다 ㅋ ㅋㅋ ᄏ ᄏᄏ ᅲ ㅠ ! ? . ... , a b ab ba \
    aba ▁a 1 12 2 [ ] < > ' \" - # ## 美 国 美国 é e ́ 😀 <mask>";

/// The folder of a model without weights.
pub(crate) struct Model(TempDir);

impl Model {
    /// A model with WordPiece in `vocab.txt`, 12 tokens and 16 positions.
    pub(crate) fn word_piece() -> Model {
        let model = Model(tempfile::tempdir().unwrap());
        model.write(hub::CONFIG, r#"{"vocab_size": 12, "max_position_embeddings": 16}"#);
        model.write(hub::VOCAB, VOCAB);
        model.write(hub::TOKENIZER_CONFIG, r#"{"do_lower_case": false}"#);
        model
    }

    /// The tokenizer of [`Model::word_piece`] as a `tokenizer.json`, after `change`.
    pub(crate) fn tokenizer_json(change: impl FnOnce(&mut Tokenizer)) -> Model {
        let model = Model::word_piece();
        let mut tokenizer =
            LoadedTokenizer::read(&TokenizerFiles::in_folder(model.path())).unwrap().tokenizer;
        change(&mut tokenizer);
        tokenizer.save(model.path().join(hub::TOKENIZER), false).unwrap();
        model.remove(hub::VOCAB);
        model
    }

    /// A Unigram model like XLM-R, after `change`: NFKC, collapsed spaces, Metaspace, `<s>` and `</s>` around a text.
    pub(crate) fn unigram(change: impl FnOnce(&mut Tokenizer)) -> Model {
        let pieces = UNIGRAM.split_whitespace().zip(1..);
        let vocab = pieces.map(|(piece, rank)| (piece.to_owned(), -0.37 * f64::from(rank))).collect();
        let mut tokenizer = Tokenizer::new(Unigram::from(vocab, Some(3), false).unwrap());
        let collapse = Replace::new(ReplacePattern::Regex(" {2,}".into()), " ").unwrap();
        tokenizer.with_normalizer(Some(Sequence::new(vec![NFKC.into(), collapse.into()]))).unwrap();
        let frame = TemplateProcessing::builder()
            .try_single("<s> $A </s>")
            .unwrap()
            .try_pair("<s> $A </s> </s> $B </s>")
            .unwrap()
            .special_tokens(vec![("<s>", 0), ("</s>", 2)])
            .build()
            .unwrap();
        tokenizer.with_pre_tokenizer(Some(Metaspace::default())).with_post_processor(Some(frame));
        let special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].map(|token| AddedToken::from(token, true));
        tokenizer.add_special_tokens(special).unwrap();
        change(&mut tokenizer);
        let model = Model(tempfile::tempdir().unwrap());
        model.write(hub::CONFIG, r#"{"vocab_size": 1000, "max_position_embeddings": 512}"#);
        tokenizer.save(model.path().join(hub::TOKENIZER), false).unwrap();
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
