//! Where a model's parameters come from when it is built, and what they are called.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use shared::digest::sha256_bytes;
use shared::fault::Fault;

use crate::config::{BertConfig, ModelType};
use crate::stored_head;
use crate::weight_files::{self, StoredTensor};

/// How a parameter is drawn that no file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Init {
    Zeros,
    Ones,
    /// Normal with the config's `initializer_range`.
    Normal,
    /// The same, with this row 0: the padding token's embedding.
    NormalWithZeroRow(usize),
}

/// What may be absent from a file of pretrained weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// The pooler and the classifier are drawn where the file lacks them.
    MayBeNew,
    /// A fine-tuned model: every parameter must be there.
    Required,
}

/// The Hub name of every parameter of a model.
#[derive(Debug, Clone, Default)]
pub(crate) struct ParameterNames(HashMap<ParamId, String>);

impl ParameterNames {
    /// The number of encoder layers.
    pub(crate) fn layers(&self) -> usize {
        self.0.values().filter_map(|name| encoder_layer(name)).max().map_or(0, |last| last + 1)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (ParamId, &str)> {
        self.0.iter().map(|(&id, name)| (id, name.as_str()))
    }

    /// The Hub name: `bert.encoder.layer.0.output.dense.weight`.
    ///
    /// # Errors
    /// A bug: the parameter is not of this model.
    pub(crate) fn of(&self, id: ParamId) -> Result<&str> {
        self.0.get(&id).map(String::as_str).ok_or_else(|| anyhow::anyhow!("parameter {id} has no name"))
    }
}

/// The index of the encoder layer that the parameter called `name` is of.
pub(crate) fn encoder_layer(name: &str) -> Option<usize> {
    name.split_once("encoder.layer.")?.1.split('.').next()?.parse().ok()
}

/// Hands out parameters by name, from files or drawn, and keeps account of both.
pub(crate) struct ParameterSource<'a> {
    device: &'a Device,
    model_type: ModelType,
    stored: Option<BTreeMap<String, StoredTensor>>,
    seed: u64,
    initializer_range: f64,
    names: ParameterNames,
    drawn: Vec<String>,
    misfits: Vec<String>,
}

impl<'a> ParameterSource<'a> {
    /// Draws every parameter from `seed`.
    pub(crate) fn random(device: &'a Device, seed: u64, config: &BertConfig) -> ParameterSource<'a> {
        ParameterSource {
            device,
            model_type: config.model_type,
            stored: None,
            seed,
            initializer_range: config.initializer_range,
            names: ParameterNames::default(),
            drawn: vec![],
            misfits: vec![],
        }
    }

    /// Takes parameters from the weight files in `folder`, and draws those that they lack.
    ///
    /// # Errors
    /// A [`Fault::input`] where they are damaged, or have not the `head` that is required.
    pub(crate) fn files(
        folder: &Path,
        device: &'a Device,
        seed: u64,
        config: &BertConfig,
        head: Head,
    ) -> Result<ParameterSource<'a>> {
        let mut stored = weight_files::read(folder, config.model_type)?;
        let labels: Vec<&str> = config.id2label.values().map(String::as_str).collect();
        stored_head::fit(&mut stored, &BertConfig::read(folder)?, &labels, head, folder)?;
        Ok(ParameterSource { stored: Some(stored), ..ParameterSource::random(device, seed, config) })
    }

    /// The parameter `name` of `shape`.
    pub(crate) fn take<const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
        init: Init,
    ) -> Result<Param<Tensor<D>>> {
        let found = self.stored.as_mut().and_then(|stored| stored.remove(name));
        let values = match found {
            Some(tensor) if tensor.shape == shape => {
                tensor.values().with_context(|| format!("cannot use the weight {name}"))?
            }
            Some(tensor) => {
                self.misfits.push(format!("{name} is {:?} where the config says {shape:?}", tensor.shape));
                vec![0.0; shape.iter().product()]
            }
            None => {
                self.drawn.push(name.to_owned());
                draw(name, &shape, init, self.seed, self.initializer_range)?
            }
        };
        let param = Param::from_data(TensorData::new(values, shape), self.device);
        self.names.0.insert(param.id, name.to_owned());
        Ok(param)
    }

    /// Checks that every tensor was used and nothing but a head was drawn; says what was drawn.
    pub(crate) fn finish(self, folder: &Path, head: Head) -> Result<ParameterNames> {
        let Some(stored) = self.stored else {
            log::info!("all weights are random, from the seed {}", self.seed);
            return Ok(self.names);
        };
        let place = folder.display();
        let list = |names: &[String]| names.join(", ");
        let misfits = &self.misfits;
        ensure!(
            misfits.is_empty(),
            Fault::input(format!("the weights in {place} do not fit: {}", list(misfits)))
        );
        let (new_head, missing): (Vec<_>, Vec<_>) =
            self.drawn.into_iter().partition(|name| head == Head::MayBeNew && is_head(name, self.model_type));
        ensure!(missing.is_empty(), Fault::input(format!("the weights in {place} lack {}", list(&missing))));
        let (other_heads, left): (Vec<_>, Vec<_>) =
            stored.into_keys().partition(|name| is_other_head(name, self.model_type));
        let unknown = || {
            format!(
                "the weights in {place} hold tensors that a classifier of this kind ({}) has no place for: {}",
                self.model_type.prefix(),
                list(&left)
            )
        };
        ensure!(left.is_empty(), Fault::input(unknown()));
        if !new_head.is_empty() {
            log::info!("new weights, from the seed {}: {}", self.seed, list(&new_head));
        }
        if !other_heads.is_empty() {
            log::info!("left aside, of other heads: {}", list(&other_heads));
        }
        Ok(self.names)
    }
}

/// What a task adds to a pretrained model.
fn is_head(name: &str, model_type: ModelType) -> bool {
    name.starts_with("classifier.") || within(name, model_type, "pooler.")
}

/// Heads of the pretraining objectives and of question answering, and a buffer that old versions of `transformers` saved.
fn is_other_head(name: &str, model_type: ModelType) -> bool {
    let heads: &[&str] = match model_type {
        ModelType::Bert => &["cls.", "qa_outputs."],
        ModelType::Electra => {
            &["discriminator_predictions.", "generator_predictions.", "generator_lm_head.", "qa_outputs."]
        }
    };
    heads.iter().any(|head| name.starts_with(head)) || within(name, model_type, "embeddings.position_ids")
}

/// Whether the encoder's tensor `name` begins with `part` behind the prefix.
fn within(name: &str, model_type: ModelType, part: &str) -> bool {
    let bare = name.strip_prefix(model_type.prefix()).and_then(|name| name.strip_prefix('.'));
    bare.is_some_and(|bare| bare.starts_with(part))
}

/// Values that depend on the seed and the name alone, and not on the order in which parameters are built.
fn draw(name: &str, shape: &[usize], init: Init, seed: u64, range: f64) -> Result<Vec<f32>> {
    let count = shape.iter().product();
    let normal = |zero_row: Option<usize>| -> Result<Vec<f32>> {
        let key = sha256_bytes(format!("{seed} {name}").as_bytes());
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from_str_radix(&key[..16], 16)?);
        let distribution = Normal::new(0.0, range as f32)?;
        let mut values: Vec<f32> = (0..count).map(|_| distribution.sample(&mut rng)).collect();
        if let (Some(row), Some(width)) = (zero_row, shape.last()) {
            values.iter_mut().skip(row * width).take(*width).for_each(|value| *value = 0.0);
        }
        Ok(values)
    };
    match init {
        Init::Zeros => Ok(vec![0.0; count]),
        Init::Ones => Ok(vec![1.0; count]),
        Init::Normal => normal(None),
        Init::NormalWithZeroRow(row) => normal(Some(row)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_values_have_the_range_and_depend_on_seed_and_name() {
        let values = draw("a", &[100, 100], Init::Normal, 7, 0.02).unwrap();
        let deviation = (values.iter().map(|x| x * x).sum::<f32>() / 1e4).sqrt();
        assert!((deviation - 0.02).abs() < 0.001, "{deviation}");
        assert_eq!(values, draw("a", &[100, 100], Init::Normal, 7, 0.02).unwrap());
        assert_ne!(values, draw("a", &[100, 100], Init::Normal, 8, 0.02).unwrap());
        assert_ne!(values, draw("b", &[100, 100], Init::Normal, 7, 0.02).unwrap());
    }

    #[test]
    fn the_padding_row_is_zero() {
        let values = draw("a", &[3, 2], Init::NormalWithZeroRow(1), 7, 0.02).unwrap();
        assert_eq!(values[2..4], [0.0, 0.0]);
        assert!(values[0] != 0.0 && values[4] != 0.0);
    }

    #[test]
    fn heads_are_told_by_the_family() {
        let check = |name: &str, model_type, expect: (bool, bool)| {
            assert_eq!((is_head(name, model_type), is_other_head(name, model_type)), expect, "{name}");
        };
        check("classifier.bias", ModelType::Bert, (true, false));
        check("bert.pooler.dense.bias", ModelType::Bert, (true, false));
        check("cls.predictions.bias", ModelType::Bert, (false, true));
        check("bert.embeddings.position_ids", ModelType::Bert, (false, true));
        check("bert.embeddings.word_embeddings.weight", ModelType::Bert, (false, false));
        check("classifier.out_proj.bias", ModelType::Electra, (true, false));
        check("discriminator_predictions.dense.weight", ModelType::Electra, (false, true));
        check("generator_lm_head.bias", ModelType::Electra, (false, true));
        check("electra.embeddings.position_ids", ModelType::Electra, (false, true));
        check("bert.pooler.dense.bias", ModelType::Electra, (false, false));
    }
}
