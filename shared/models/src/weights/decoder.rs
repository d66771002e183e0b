//! The decoder of a masked language model; files may hold several copies of it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use model_files::BertConfig;
use shared::fault::Fault;

use crate::weights::files::StoredTensor;

pub(crate) const WEIGHT: &str = "cls.predictions.decoder.weight";
pub(crate) const BIAS: &str = "cls.predictions.bias";
/// Another name of [`BIAS`].
const BIAS_COPY: &str = "cls.predictions.decoder.bias";

/// Removes copies: the model in `folder` keeps one bias, and no decoder weight where it is tied to the word embeddings.
///
/// # Errors
/// A [`Fault::input`] where two copies differ: `transformers` 4 and 5 then compute with different ones.
pub(crate) fn unify(
    tensors: &mut BTreeMap<String, StoredTensor>,
    config: &BertConfig,
    folder: &Path,
) -> Result<()> {
    unify_copy(
        tensors,
        BIAS,
        BIAS_COPY,
        folder,
        "`transformers` 4 computes with the first and 5 with the second: take weights in which they are equal",
    )?;
    if !config.ties_words() {
        return Ok(());
    }
    let words = format!("{}.embeddings.word_embeddings.weight", config.model_type.prefix());
    let remedy =
        "if the decoder is one of its own, set `tie_word_embeddings` to false in the model's config.json";
    unify_copy(tensors, &words, WEIGHT, folder, remedy)
}

/// Writes the bias of an untied decoder under both names: `transformers` 4 reads one, and 5 the other.
pub(crate) fn copy_bias(tensors: &mut BTreeMap<String, StoredTensor>, config: &BertConfig) {
    let bias = tensors.get(BIAS).filter(|_| !config.ties_words()).cloned();
    tensors.extend(bias.map(|bias| (BIAS_COPY.to_owned(), bias)));
}

fn unify_copy(
    tensors: &mut BTreeMap<String, StoredTensor>,
    name: &str,
    copy: &str,
    folder: &Path,
    remedy: &str,
) -> Result<()> {
    let Some(second) = tensors.remove(copy) else { return Ok(()) };
    match tensors.get(name) {
        None => drop(tensors.insert(name.to_owned(), second)),
        Some(first) if first.shape == second.shape && first.values()? == second.values()? => {}
        Some(_) => bail!(Fault::input(format!(
            "the weights in {} hold {name} and {copy}, copies of one parameter, with different values; {remedy}",
            folder.display()
        ))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(tied: &str) -> BertConfig {
        let text = format!(
            r#"{{"model_type": "bert", "vocab_size": 2, "hidden_size": 1, "num_hidden_layers": 1,
            "num_attention_heads": 1, "intermediate_size": 4, "max_position_embeddings": 4{tied}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    const WORDS: &str = "bert.embeddings.word_embeddings.weight";
    const UNTIED: &str = r#", "tie_word_embeddings": false"#;

    /// The names that are left of tensors with these values.
    fn unified(tied: &str, tensors: &[(&str, f32)]) -> Result<Vec<String>> {
        let tensor = |&(name, value): &(&str, f32)| {
            (name.to_owned(), StoredTensor::from_f32(vec![2, 1], &[1.0, value]))
        };
        let mut tensors = tensors.iter().map(tensor).collect();
        unify(&mut tensors, &config(tied), Path::new("model"))?;
        Ok(tensors.into_keys().collect())
    }

    fn check(tied: &str, tensors: &[(&str, f32)], expect: &[&str]) {
        assert_eq!(unified(tied, tensors).unwrap(), expect, "{tensors:?}");
    }

    #[test]
    fn equal_copies_become_one() {
        check("", &[(WORDS, 2.0), (WEIGHT, 2.0), (BIAS, 3.0), (BIAS_COPY, 3.0)], &[WORDS, BIAS]);
        check("", &[(WORDS, 2.0), (BIAS_COPY, 3.0)], &[WORDS, BIAS]);
    }

    #[test]
    fn a_decoder_of_its_own_stays() {
        check(UNTIED, &[(WORDS, 2.0), (WEIGHT, 5.0), (BIAS, 3.0)], &[WORDS, BIAS, WEIGHT]);
    }

    #[test]
    fn a_decoder_of_its_own_is_saved_with_its_bias_under_both_names() {
        let saved = |tied| {
            let mut tensors = BTreeMap::from([(BIAS.to_owned(), StoredTensor::from_f32(vec![1], &[1.0]))]);
            copy_bias(&mut tensors, &config(tied));
            tensors.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(saved(UNTIED), [BIAS, BIAS_COPY]);
        assert_eq!(saved(""), [BIAS]);
    }

    #[test]
    fn copies_that_differ_are_refused() {
        let check = |tied, tensors: &[(&str, f32)], parts: [&str; 2]| {
            let error = unified(tied, tensors).unwrap_err();
            assert_eq!(shared::fault::kind_of(&error).code(), 3);
            parts.iter().for_each(|part| assert!(error.to_string().contains(part), "{error}"));
        };
        check("", &[(WORDS, 2.0), (WEIGHT, 5.0)], [WEIGHT, "`tie_word_embeddings` to false"]);
        check(UNTIED, &[(BIAS, 2.0), (BIAS_COPY, 5.0)], [BIAS_COPY, "different values"]);
    }
}
