//! The keys of `config.json` beside those of the architecture, and a check for keys that change the computation.
//!
//! The lists hold the keys of `BertConfig`, `ElectraConfig` and `PretrainedConfig` in `transformers` 4.57 and 5.24.

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value};
use shared::fault::Fault;

/// Keys that change the computation unless their value is neutral, and the meaning of other values.
const NEUTRAL_ONLY: [(&str, &str); 8] = [
    ("is_decoder", "a decoder, in which a token sees only those before it"),
    ("add_cross_attention", "cross attention to another encoder"),
    ("is_encoder_decoder", "an encoder with a decoder"),
    ("tie_encoder_decoder", "an encoder with a decoder"),
    ("pruned_heads", "attention heads that are pruned away"),
    ("quantization_config", "quantized weights"),
    ("compression_config", "compressed weights"),
    ("per_layer_config", "layers that differ from each other"),
];

/// Keys that are honoured (here or in the head), or that have no effect on the encoder's output. The latter describe how
/// a program holds the model, special tokens (the tokenizer's files have them), the generation of texts and ELECTRA's
/// multiple choice head; early converters of Google's BERT and this project's training (tags) wrote others.
const KNOWN: [&str; 85] = [
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_commit_hash",
    "_name_or_path",
    "_num_labels",
    "architectures",
    "assistant_confidence_threshold",
    "assistant_lookbehind",
    "attn_implementation",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "chunk_size_feed_forward",
    "cls_token_id",
    "cross_attention_hidden_size",
    "decoder_start_token_id",
    "directionality",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "entity_recognition",
    "eos_token_id",
    "epsilon_cutoff",
    "eta_cutoff",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "length_penalty",
    "mask_token_id",
    "max_length",
    "min_length",
    "model_max_length",
    "name_or_path",
    "no_repeat_ngram_size",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "num_beam_groups",
    "num_beams",
    "num_labels",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "output_scores",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
    "prefix",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "sep_token_id",
    "summary_activation",
    "summary_first_dropout",
    "summary_last_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "suppress_tokens",
    "target_lookbehind",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_word_embeddings",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "typical_p",
    "unk_token_id",
    "use_bfloat16",
    "use_cache",
    "use_return_dict",
    "vocab_file",
];

/// Checks the keys beside those of the architecture.
///
/// # Errors
/// A [`Fault::input`] that names a key whose value changes the computation.
pub(super) fn check(keys: &Map<String, Value>) -> Result<()> {
    for (key, meaning) in NEUTRAL_ONLY {
        let value = keys.get(key).filter(|value| !is_neutral(value));
        let Some(value) = value else { continue };
        bail!(Fault::input(format!(
            "`{key}` is {}, which means {meaning}: bertline does not compute that; take a model without it",
            shortened(value)
        )));
    }
    let own_code = keys.get("auto_map").and_then(Value::as_object);
    let class = own_code.into_iter().flatten().find(|(name, _)| name.starts_with("AutoModel"));
    if let Some((name, class)) = class {
        bail!(Fault::input(format!(
            "`auto_map` has {name} computed by {}, Python code that comes with the model: bertline does not run it; take a \
             model without it",
            shortened(class)
        )));
    }
    let tied = keys.get("tie_word_embeddings");
    let tied = tied.is_none_or(|value| value.is_null() || value.is_boolean());
    ensure!(tied, Fault::input("`tie_word_embeddings` is neither true nor false"));
    Ok(())
}

/// The keys that are in neither list. `transformers` ignores them too, unless it runs code that comes with the model.
pub(super) fn unknown(keys: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let known = |key: &str| KNOWN.contains(&key) || NEUTRAL_ONLY.iter().any(|(known, _)| *known == key);
    keys.keys().map(String::as_str).filter(move |key| !known(key))
}

/// Returns whether the value leaves the computation unchanged.
fn is_neutral(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}

/// The JSON of a value, at most 60 characters of it: the settings of a quantization can be long.
fn shortened(value: &Value) -> String {
    const MAX_CHARS: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Map<String, Value> {
        serde_json::from_str(&format!("{{{text}}}")).unwrap()
    }

    fn check_refused(text: &str, part: &str) {
        let error = format!("{:#}", check(&keys(text)).unwrap_err());
        assert!(error.contains(part) && error.contains("bertline does not"), "{error}");
    }

    #[test]
    fn keys_that_change_the_computation_are_refused_by_name() {
        check_refused(r#""is_decoder": true"#, "`is_decoder` is true, which means a decoder");
        check_refused(r#""add_cross_attention": true"#, "`add_cross_attention`");
        check_refused(r#""pruned_heads": {"0": [1]}"#, r#"`pruned_heads` is {"0":[1]}"#);
        check_refused(r#""quantization_config": {"quant_method": "gptq"}"#, "quantized weights");
        check_refused(r#""auto_map": {"AutoModel": "m.M"}"#, "`auto_map` has AutoModel");
        assert!(check(&keys(r#""tie_word_embeddings": "no""#)).is_err());
    }

    #[test]
    fn neutral_values_and_keys_without_effect_pass() {
        let neutral =
            r#""is_decoder": false, "pruned_heads": {}, "quantization_config": null, "use_cache": true"#;
        check(&keys(neutral)).unwrap();
        check(&keys(r#""auto_map": {"AutoTokenizer": ["t.T", null]}, "tie_word_embeddings": false"#))
            .unwrap();
        assert_eq!(unknown(&keys(neutral)).count(), 0);
    }

    #[test]
    fn unknown_keys_are_listed() {
        let keys = keys(r#""use_rope": true, "top_k": 5, "is_decoder": false"#);
        assert_eq!(unknown(&keys).collect::<Vec<_>>(), ["use_rope"]);
    }

    #[test]
    fn a_long_value_is_shortened() {
        let long = format!(r#""quantization_config": {{"x": "{}"}}"#, "가".repeat(500));
        let error = check(&keys(&long)).unwrap_err().to_string();
        assert!(error.chars().count() < 250, "{error}");
    }
}
