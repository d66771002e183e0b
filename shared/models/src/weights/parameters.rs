//! The sources of a model's parameters, and their names.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Result, ensure};
use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use model_files::{Architecture, BertConfig};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use shared::digest::sha256_bytes;
use shared::fault::Fault;
use shared::names::{joined, listed};
use shared::task::OutputLayer;

use crate::weights::decoder;
use crate::weights::files::{self, StoredTensor};
use crate::weights::stored_head::StoredHead;

/// The initial values of a parameter that no file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Init {
    Zeros,
    Ones,
    /// Normal with the config's `initializer_range`.
    Normal,
    /// Normal with this row 0: the embedding of the padding token.
    NormalWithZeroRow(usize),
}

/// Tells whether pretrained weights must include the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadPolicy {
    /// The head and the pooler are drawn where the file lacks them.
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

/// The index of the encoder layer that holds the parameter `name`.
pub(crate) fn encoder_layer(name: &str) -> Option<usize> {
    name.split_once("encoder.layer.")?.1.split('.').next()?.parse().ok()
}

/// Hands out parameters by name, from files or drawn, and keeps account of both.
pub(crate) struct ParameterSource<'a> {
    device: &'a Device,
    architecture: Architecture,
    stored: Option<BTreeMap<String, StoredTensor>>,
    seed: u64,
    initializer_range: f64,
    names: ParameterNames,
    drawn: Vec<String>,
    misfits: Vec<String>,
}

impl<'a> ParameterSource<'a> {
    /// Draws every parameter from `seed`.
    pub(crate) fn random(
        device: &'a Device,
        seed: u64,
        architecture: Architecture,
        config: &BertConfig,
    ) -> ParameterSource<'a> {
        ParameterSource {
            device,
            architecture,
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
        architecture: Architecture,
        config: &BertConfig,
        head: HeadPolicy,
    ) -> Result<ParameterSource<'a>> {
        let mut stored = files::read(folder, config.model_type)?;
        let own = BertConfig::read(folder)?;
        if architecture.layer == OutputLayer::Vocabulary {
            decoder::unify(&mut stored, config, folder)?;
        }
        StoredHead { tensors: &mut stored, own: &own, folder }.fit(architecture, config, head)?;
        let drawn = ParameterSource::random(device, seed, architecture, config);
        Ok(ParameterSource { stored: Some(stored), ..drawn })
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
            Some(tensor) if tensor.shape == shape => tensor.weight(name)?,
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

    /// Checks that every tensor was used and nothing but a head was drawn, and logs what was drawn.
    pub(crate) fn finish(self, folder: &Path, head: HeadPolicy) -> Result<ParameterNames> {
        let Some(stored) = self.stored else {
            log::info!("all weights are random, from the seed {}", self.seed);
            return Ok(self.names);
        };
        let place = folder.display();
        let misfits = self.misfits;
        let fault = |what: String| {
            Fault::input(format!("the weights in {place} {what}; take weights and config.json of one model"))
        };
        ensure!(misfits.is_empty(), fault(format!("do not fit config.json: {}", joined(misfits))));
        let architecture = self.architecture;
        let may_be_drawn = |name: &String| head == HeadPolicy::MayBeNew && architecture.has_in_head(name);
        let (new_head, missing): (Vec<_>, Vec<_>) = self.drawn.into_iter().partition(may_be_drawn);
        ensure!(missing.is_empty(), fault(format!("lack {}", listed(&missing))));
        let (other_heads, left): (Vec<_>, Vec<_>) =
            stored.into_keys().partition(|name| architecture.leaves_aside(name));
        // What lies within the encoder would change what it computes, and a head that is not trained may depend on the rest.
        let encoder = format!("{}.", architecture.family.prefix());
        let within: Vec<&String> =
            left.iter().filter(|name| head == HeadPolicy::Required || name.starts_with(&encoder)).collect();
        let class = architecture.class();
        let unknown = || format!("hold tensors that {class} has no place for: {}", listed(&within));
        ensure!(within.is_empty(), fault(unknown()));
        if !left.is_empty() {
            log::warn!("left aside, of a head that {} has not: {}", architecture.class(), listed(&left));
        }
        if !new_head.is_empty() {
            log::info!("new weights, from the seed {}: {}", self.seed, listed(&new_head));
        }
        if !other_heads.is_empty() {
            log::info!("left aside, of other heads: {}", listed(&other_heads));
        }
        Ok(self.names)
    }
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
    use burn::module::{Module, ModuleVisitor};

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
    fn an_encoder_takes_the_tensors_that_headers_are_checked_for() {
        let check = |keys: &str| {
            let text = format!(
                r#"{{"vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
                "intermediate_size": 16, "max_position_embeddings": 12, {keys}}}"#
            );
            let config: BertConfig = serde_json::from_str(&text).unwrap();
            let architecture = Architecture { family: config.model_type, layer: OutputLayer::Tokens };
            let device = Default::default();
            let mut source = ParameterSource::random(&device, 7, architecture, &config);
            let mut shapes = Shapes(Default::default());
            crate::nn::encoder::Encoder::build(&mut source, &config).unwrap().visit(&mut shapes);
            let named = |(id, shape)| (source.names.of(id).unwrap().to_owned(), shape);
            let taken: BTreeMap<String, Vec<usize>> = shapes.0.into_iter().map(named).collect();
            assert_eq!(taken, model_files::encoder_shapes(&config));
        };
        check(r#""model_type": "bert", "type_vocab_size": 1"#);
        check(r#""model_type": "electra", "embedding_size": 4"#);
        check(r#""model_type": "electra", "embedding_size": 8"#);
    }

    struct Shapes(HashMap<ParamId, Vec<usize>>);

    impl ModuleVisitor for Shapes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.insert(param.id, param.shape().to_vec());
        }
    }
}
