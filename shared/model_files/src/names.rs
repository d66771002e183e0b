//! The names of tensors. Training programs add prefixes to them, and old releases of `transformers` used other endings.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use shared::fault::Fault;

use crate::config::ModelType;

/// The table of word embeddings. Every encoder has exactly one, so its name shows the prefix.
const WORDS: &str = "embeddings.word_embeddings.weight";

/// Prefixes that `DataParallel`, Lightning and `torch.compile` put before every name, and the keys of checkpoints.
const WRAPPERS: [&str; 5] = ["module.", "model.", "state_dict.", "model_state_dict.", "_orig_mod."];

/// The wrappers that are keys of a checkpoint. Its other keys hold no tensors of the model.
const CONTAINERS: [&str; 2] = ["state_dict.", "model_state_dict."];

/// The mapping from the tensor names of one file to the names of current `transformers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    family: ModelType,
    wrapper: String,
}

impl Naming {
    /// Finds the mapping for a file whose tensors have these `names`.
    ///
    /// # Errors
    /// A [`Fault::input`] where the encoder has the prefix of another family, or the file holds several encoders; the
    /// message calls the file `shown`.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>, family: ModelType, shown: &str) -> Result<Naming> {
        let own = format!("{}.", family.prefix());
        let places: BTreeSet<&str> = names
            .filter_map(|name| name.strip_suffix(WORDS))
            .map(|place| place.strip_suffix(own.as_str()).unwrap_or(place))
            .collect();
        let (wrapped, foreign): (Vec<&str>, Vec<&str>) =
            places.into_iter().partition(|place| is_wrapper(place));
        match (wrapped.as_slice(), foreign.as_slice()) {
            (&[wrapper], _) => Ok(Naming { family, wrapper: wrapper.to_owned() }),
            ([], []) => Ok(Naming { family, wrapper: String::new() }),
            ([], [place, ..]) => bail!(Fault::input(format!(
                "{shown} has an encoder under `{place}`, and model_type \"{}\" has its encoder under `{own}`: they are \
                 weights of another model, or of a program that renamed them; take those that belong to the config.json",
                family.prefix()
            ))),
            (several, _) => bail!(Fault::input(format!(
                "{shown} has several encoders, under {}: take a file with one",
                several.iter().map(|place| format!("`{place}{own}`")).collect::<Vec<_>>().join(" and ")
            ))),
        }
    }

    /// The prefix that the mapping removes from every name; empty where there is none.
    pub fn wrapper(&self) -> &str {
        &self.wrapper
    }

    /// Returns whether the tensor `name` belongs to the model. Others of a checkpoint belong to an optimizer's state,
    /// for example.
    pub fn holds(&self, name: &str) -> bool {
        let key = CONTAINERS.iter().find(|key| self.wrapper.starts_with(**key));
        key.is_none_or(|key| name.starts_with(key))
    }

    /// The name in current `transformers`: with the family's prefix, and with `weight` and `bias` in LayerNorm where old
    /// files have `gamma` and `beta`.
    pub fn modern(&self, name: &str) -> String {
        let name = name.strip_prefix(self.wrapper.as_str()).unwrap_or(name);
        let name = match (name.strip_suffix("LayerNorm.gamma"), name.strip_suffix("LayerNorm.beta")) {
            (Some(start), _) => format!("{start}LayerNorm.weight"),
            (_, Some(start)) => format!("{start}LayerNorm.bias"),
            _ => name.to_owned(),
        };
        let of_encoder = ["embeddings.", "embeddings_project.", "encoder.", "pooler."];
        let bare = of_encoder.iter().any(|part| name.starts_with(part));
        if bare { format!("{}.{name}", self.family.prefix()) } else { name }
    }
}

/// Returns whether the prefix `place` consists of wrappers only.
fn is_wrapper(place: &str) -> bool {
    let mut rest = place;
    while let Some(inner) = WRAPPERS.iter().find_map(|wrapper| rest.strip_prefix(wrapper)) {
        rest = inner;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(names: &[&str], family: ModelType) -> Result<Naming> {
        Naming::of(names.iter().copied(), family, "w.bin")
    }

    #[test]
    fn names_become_modern() {
        let check = |old: &str, new: &str| {
            assert_eq!(naming(&[], ModelType::Bert).unwrap().modern(old), new);
        };
        check("embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight");
        check("bert.encoder.layer.3.output.LayerNorm.beta", "bert.encoder.layer.3.output.LayerNorm.bias");
        check("bert.pooler.dense.weight", "bert.pooler.dense.weight");
        check("pooler.dense.bias", "bert.pooler.dense.bias");
        check("classifier.weight", "classifier.weight");
        check("cls.predictions.bias", "cls.predictions.bias");
        let check = |old: &str, new: &str| {
            assert_eq!(naming(&[], ModelType::Electra).unwrap().modern(old), new);
        };
        check("embeddings_project.weight", "electra.embeddings_project.weight");
        check("electra.embeddings.LayerNorm.gamma", "electra.embeddings.LayerNorm.weight");
        check("discriminator_predictions.dense.bias", "discriminator_predictions.dense.bias");
    }

    #[test]
    fn wrappers_are_removed() {
        let check = |wrapper: &str, inner: &str| {
            let words = format!("{wrapper}{inner}{WORDS}");
            let naming = naming(&[&words, "crf.transitions"], ModelType::Bert).unwrap();
            assert_eq!(naming.wrapper(), wrapper);
            assert_eq!(naming.modern(&words), format!("bert.{WORDS}"));
            assert_eq!(naming.modern(&format!("{wrapper}classifier.bias")), "classifier.bias");
            assert_eq!(naming.modern("crf.transitions"), "crf.transitions");
        };
        check("", "bert.");
        check("", "");
        check("module.", "bert.");
        check("model.", "");
        check("state_dict.model.", "bert.");
        check("module._orig_mod.", "bert.");
    }

    #[test]
    fn optimizer_state_is_not_part_of_the_model() {
        let words = format!("bert.{WORDS}");
        let holds = |wrapper: &str, name: &str| {
            naming(&[&format!("{wrapper}{words}")], ModelType::Bert).unwrap().holds(name)
        };
        assert!(holds("state_dict.model.", "state_dict.crf.transitions"));
        assert!(!holds("state_dict.model.", "optimizer_states.0.state.0.exp_avg"));
        assert!(holds("module.", "crf.transitions"));
    }

    #[test]
    fn an_encoder_under_another_name_is_refused() {
        let check = |names: &[&str], part: &str| {
            let error = naming(names, ModelType::Bert).unwrap_err();
            assert_eq!(shared::fault::kind_of(&error).code(), 3);
            assert!(error.to_string().contains(part), "{error}");
        };
        check(&[&format!("roberta.{WORDS}")], "under `roberta.`");
        check(&[&format!("electra.{WORDS}")], "under `electra.`");
        check(
            &[&format!("model.bert.{WORDS}"), &format!("module.bert.{WORDS}")],
            "`model.bert.` and `module.bert.`",
        );
    }

    #[test]
    fn a_second_encoder_under_another_name_is_ignored() {
        let names = [format!("bert.{WORDS}"), format!("teacher.bert.{WORDS}")];
        assert_eq!(Naming::of(names.iter().map(String::as_str), ModelType::Bert, "w").unwrap().wrapper(), "");
    }
}
