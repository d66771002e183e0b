//! `fetch.model = "scratch"`: writes an architecture and a vocabulary in the files that `transformers` expects.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::config::ScratchConfig;
use shared::fault::Fault;
use shared::layout::hub;

use super::vocabulary::{PAD_ID, Vocabulary};

/// Writes the model's files to `folder`, with a vocabulary trained on the examples in `train`.
pub(super) fn write(config: &ScratchConfig, train: &Path, folder: &Path) -> Result<()> {
    let vocabulary = Vocabulary::train(config, train)?;
    let pieces = vocabulary.pieces();
    write_file(folder, hub::TOKENIZER, vocabulary.tokenizer_json()?)?;
    write_file(folder, hub::VOCAB, pieces.iter().map(|piece| format!("{piece}\n")).collect())?;
    write_json(folder, hub::TOKENIZER_CONFIG, &tokenizer_config(config))?;
    write_json(folder, hub::CONFIG, &architecture(config, pieces.len(), Some(PAD_ID)))?;
    log::info!("model: from scratch, {} word pieces trained on train", pieces.len());
    Ok(())
}

/// The keys of config.json that describe the vocabulary.
#[derive(Deserialize)]
struct VocabularyKeys {
    vocab_size: usize,
    pad_token_id: Option<u32>,
}

/// Replaces the architecture of the model in `folder`, except for the keys of its vocabulary.
pub(super) fn replace_architecture(config: &ScratchConfig, folder: &Path) -> Result<()> {
    let path = folder.join(hub::CONFIG);
    let unfit = || Fault::input(format!("{} of `fetch.scratch.tokenizer` has no vocab_size", hub::CONFIG));
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let VocabularyKeys { vocab_size, pad_token_id } = serde_json::from_slice(&bytes).with_context(unfit)?;
    write_json(folder, hub::CONFIG, &architecture(config, vocab_size, pad_token_id))?;
    log::info!("model: its architecture is that of `fetch.scratch`, over {vocab_size} tokens");
    Ok(())
}

/// The keys of config.json, as in `BertConfig` of `transformers`.
fn architecture(config: &ScratchConfig, vocab_size: usize, pad_token_id: Option<u32>) -> Value {
    json!({
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "vocab_size": vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "hidden_act": "gelu",
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.dropout,
        "max_position_embeddings": config.max_position_embeddings,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": pad_token_id,
        "position_embedding_type": "absolute",
    })
}

fn tokenizer_config(config: &ScratchConfig) -> Value {
    json!({
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": config.lowercase,
        "strip_accents": false,
        "tokenize_chinese_chars": true,
        "model_max_length": config.max_position_embeddings,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    })
}

fn write_json(folder: &Path, name: &str, value: &Value) -> Result<()> {
    write_file(folder, name, format!("{}\n", serde_json::to_string_pretty(value)?))
}

fn write_file(folder: &Path, name: &str, text: String) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use shared::schema::{Example, ExampleShape, ExampleWriter, Texts, Truth, TruthKind};
    use tokenizers::Tokenizer;

    use super::*;

    const TEXTS: [&str; 4] =
        ["이 영화 정말 재미있다", "이 영화 너무 지루하다", "정말 재미없는 영화", "ABC가 좋다 좋아"];

    /// The model's files by name, and a tokenizer that is read from them.
    fn written(config: &ScratchConfig) -> (Vec<(String, String)>, Tokenizer) {
        let folder = tempfile::tempdir().unwrap();
        let train = folder.path().join("train.parquet");
        let example = |texts: &[&str]| Example {
            example_id: texts[0].to_owned(),
            text: texts[0].to_owned(),
            text_pair: Some(texts[1].to_owned()),
            truth: Truth::Unknown,
        };
        let shape = ExampleShape { texts: Texts::Pair, truth: TruthKind::Nothing };
        let mut writer = ExampleWriter::create(&train, shape).unwrap();
        writer.write(&TEXTS.chunks(2).map(example).collect::<Vec<_>>()).unwrap();
        writer.finish().unwrap();
        let model = folder.path().join("model");
        fs::create_dir(&model).unwrap();
        write(config, &train, &model).unwrap();
        let names = [hub::CONFIG, hub::TOKENIZER, hub::TOKENIZER_CONFIG, hub::VOCAB];
        let read = |name: &str| (name.to_owned(), fs::read_to_string(model.join(name)).unwrap());
        (names.map(read).into(), Tokenizer::from_file(model.join(hub::TOKENIZER)).unwrap())
    }

    fn check(config: &ScratchConfig, text: &str, expected: &[&str]) {
        let encoding = written(config).1.encode(text, true).unwrap();
        assert_eq!(encoding.get_tokens(), expected);
    }

    #[test]
    fn equal_texts_give_equal_bytes() {
        let config = ScratchConfig { vocab_size: 120, ..ScratchConfig::default() };
        let first = written(&config).0;
        (0..10).for_each(|_| assert_eq!(written(&config).0, first));
    }

    #[test]
    fn texts_are_split_into_word_pieces() {
        let config = ScratchConfig { vocab_size: 400, ..ScratchConfig::default() };
        check(&config, "이 영화 정말", &["[CLS]", "이", "영화", "정말", "[SEP]"]);
        check(&config, "영화뷁", &["[CLS]", "[UNK]", "[SEP]"]);
        check(&config, "abc", &["[CLS]", "[UNK]", "[SEP]"]);
        check(&ScratchConfig { lowercase: true, ..config }, "abc가", &["[CLS]", "abc가", "[SEP]"]);
    }

    #[test]
    fn the_files_are_consistent() {
        let config = ScratchConfig { vocab_size: 120, ..ScratchConfig::default() };
        let (files, tokenizer) = written(&config);
        let text = |name: &str| files.iter().find(|(known, _)| known == name).unwrap().1.clone();
        let vocab = text(hub::VOCAB);
        let pieces: Vec<&str> = vocab.lines().collect();
        assert_eq!(pieces[..5], ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
        assert!(pieces.len() <= 120);
        let numbered = pieces.iter().zip(0..).all(|(piece, id)| tokenizer.token_to_id(piece) == Some(id));
        assert!(numbered);
        let architecture: Value = serde_json::from_str(&text(hub::CONFIG)).unwrap();
        assert_eq!(architecture["vocab_size"], pieces.len());
    }

    #[test]
    fn a_pair_has_two_token_types() {
        let config = ScratchConfig { vocab_size: 400, ..ScratchConfig::default() };
        let encoding = written(&config).1.encode(("이", "영화"), true).unwrap();
        assert_eq!(encoding.get_tokens(), ["[CLS]", "이", "[SEP]", "영화", "[SEP]"]);
        assert_eq!(encoding.get_type_ids(), [0, 0, 0, 1, 1]);
    }
}
