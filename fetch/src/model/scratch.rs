//! `fetch.model = "scratch"`: an architecture and a vocabulary, in the files that `transformers` expects.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use shared::config::ScratchConfig;
use shared::layout::hub;

use super::vocabulary::{PAD_ID, Vocabulary};

/// Writes the model's files into `folder`, with a vocabulary trained on the examples in `train`.
pub(super) fn write(config: &ScratchConfig, train: &Path, folder: &Path) -> Result<()> {
    let vocabulary = Vocabulary::train(config, train)?;
    let pieces = vocabulary.pieces();
    write_file(folder, hub::TOKENIZER, vocabulary.tokenizer_json()?)?;
    write_file(folder, hub::VOCAB, pieces.iter().map(|piece| format!("{piece}\n")).collect())?;
    write_json(folder, hub::TOKENIZER_CONFIG, &tokenizer_config(config))?;
    write_json(folder, hub::CONFIG, &architecture(config, pieces.len()))?;
    log::info!("model: from scratch, {} word pieces trained on train", pieces.len());
    Ok(())
}

/// The keys of `transformers`' `BertConfig`.
fn architecture(config: &ScratchConfig, vocab_size: usize) -> Value {
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
        "pad_token_id": PAD_ID,
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
