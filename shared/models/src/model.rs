//! A model: an encoder and the head of a task.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use model_files::{Architecture, BertConfig};
use shared::config::{Freeze, Weights};
use shared::fault::Fault;
use shared::layout::hub;

use crate::data::batch::Batch;
use crate::data::targets::integers;
use crate::device::Compute;
use crate::nn::encoder::Encoder;
use crate::nn::heads::TaskHead;
use crate::nn::layers::Mode;
use crate::weights::decoder;
use crate::weights::files::{self, StoredTensor};
use crate::weights::parameters::{HeadPolicy, ParameterNames, ParameterSource};

#[derive(Module, Debug)]
pub(crate) struct Network {
    pub(crate) encoder: Encoder,
    pub(crate) head: TaskHead,
}

/// The tokens whose logits are wanted, where a model has logits for every token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tokens {
    All,
    /// The tokens that have a target.
    WithTargets,
}

/// A model on a device.
#[derive(Debug)]
pub struct Model {
    pub(crate) network: Network,
    pub(crate) config: BertConfig,
    pub(crate) names: ParameterNames,
    pub(crate) compute: Compute,
}

impl Model {
    /// Builds the model of `config`, made by [`BertConfig::with_task`] or saved by [`Model::save`], with the weights in
    /// `folder`, or with random ones.
    ///
    /// # Errors
    /// A [`Fault::input`] that lists the tensors that are missing, left over or misshapen; a usage fault where there
    /// is no such head.
    pub fn build(
        folder: &Path,
        config: BertConfig,
        weights: Weights,
        head: HeadPolicy,
        compute: &Compute,
        seed: u64,
    ) -> Result<Model> {
        let architecture = architecture(&config, folder)?;
        let device = &compute.device;
        let mut source = match weights {
            Weights::Pretrained => ParameterSource::files(folder, device, seed, architecture, &config, head)?,
            Weights::Random => ParameterSource::random(device, seed, architecture, &config),
        };
        let network = Network {
            encoder: Encoder::build(&mut source, &config)?,
            head: TaskHead::build(&mut source, architecture, &config)?,
        };
        let names = source.finish(folder, head)?;
        Ok(Model { network, config, names, compute: compute.clone() })
    }

    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Freezes parameters: later steps do not change them.
    ///
    /// # Errors
    /// A usage fault where the model has fewer layers.
    pub fn freeze(&mut self, freeze: Freeze) -> Result<()> {
        let layers = self.config.num_hidden_layers;
        let message =
            || format!("config key `train.freeze.layers` is {}: the model has {layers}", freeze.layers);
        ensure!(freeze.layers <= layers, Fault::usage(message()));
        self.network.encoder = self.network.encoder.clone().freeze(freeze);
        Ok(())
    }

    /// The parameter count.
    pub fn parameters(&self) -> usize {
        self.network.num_params()
    }

    #[cfg(test)]
    pub(crate) fn visit_parameters(&self, visitor: &mut impl ModuleVisitor) {
        self.network.visit(visitor);
    }

    #[cfg(test)]
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> &ParameterNames {
        &self.names
    }

    /// The logits: `[batch, labels]` for whole texts; `[tokens, labels]` for the tokens of `tokens`; `[tokens, 2]` for all tokens
    /// where the output is a span; `[masked, vocab]` for masked tokens.
    pub(crate) fn forward(&self, batch: &Batch, mode: Mode, tokens: Tokens) -> Tensor<2> {
        let Network { encoder, head } = &self.network;
        let states = encoder.last_hidden_state(batch, &self.config, self.compute.implementation, mode);
        let rate = self.config.head_dropout();
        let with_targets = |states: Tensor<2>| {
            let places = integers(batch.targets.places(), &states.device());
            states.select(0, places)
        };
        match head {
            TaskHead::Classification(head) => head.forward(states, rate, mode),
            TaskHead::Span(head) => head.forward(flat(states)),
            TaskHead::Tokens(head) if tokens == Tokens::All => head.forward(flat(states), rate, mode),
            TaskHead::Tokens(head) => head.forward(with_targets(flat(states)), rate, mode),
            TaskHead::MaskedLm(head) => head.forward(
                with_targets(flat(states)),
                encoder.words(),
                &self.config,
                self.compute.implementation,
            ),
        }
    }

    /// Writes `config.json` and `model.safetensors` into `folder`.
    pub fn save(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
        self.config.write(folder)?;
        let mut collector = Collector { names: &self.names, tensors: Ok(BTreeMap::new()) };
        self.network.visit(&mut collector);
        let mut tensors = collector.tensors?;
        decoder::copy_bias(&mut tensors, &self.config);
        files::write(&folder.join(hub::WEIGHTS), &tensors)
    }
}

fn architecture(config: &BertConfig, folder: &Path) -> Result<Architecture> {
    let place = folder.display();
    let headless = || Fault::input(format!("the config.json in {place} does not say what the model is for"));
    config.under(config.output_layer().with_context(headless)?, &place.to_string())
}

/// `[batch, seq, hidden]` → `[batch·seq, hidden]`
fn flat(states: Tensor<3>) -> Tensor<2> {
    let [rows, seq, hidden] = states.dims();
    states.reshape([rows * seq, hidden])
}

/// Copies every parameter off the device, under its Hub name.
struct Collector<'a> {
    names: &'a ParameterNames,
    tensors: Result<BTreeMap<String, StoredTensor>>,
}

impl ModuleVisitor for Collector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Ok(tensors) = &mut self.tensors else { return };
        let entry = || -> Result<(String, StoredTensor)> {
            let tensor = StoredTensor::of(param.val());
            Ok((self.names.of(param.id)?.to_owned(), tensor))
        };
        match entry() {
            Ok((name, tensor)) => drop(tensors.insert(name, tensor)),
            Err(error) => self.tensors = Err(error),
        }
    }
}
