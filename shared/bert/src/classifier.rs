//! An encoder under a classification head: `transformers`' `BertForSequenceClassification` and
//! `ElectraForSequenceClassification`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use shared::config::{Freeze, Weights};
use shared::fault::Fault;
use shared::layout::hub;

use crate::batch::Batch;
use crate::config::BertConfig;
use crate::device::Compute;
use crate::encoder::Encoder;
use crate::heads::ClassificationHead;
use crate::layers::Mode;
use crate::parameters::{Head, ParameterNames, ParameterSource};
use crate::weight_files::{self, StoredTensor};

#[derive(Module, Debug)]
pub(crate) struct Network {
    pub(crate) encoder: Encoder,
    pub(crate) head: ClassificationHead,
}

/// A model on a device.
#[derive(Debug)]
pub struct SequenceClassifier {
    pub(crate) network: Network,
    pub(crate) config: BertConfig,
    pub(crate) names: ParameterNames,
    pub(crate) compute: Compute,
}

impl SequenceClassifier {
    /// Builds the model of `config` with the weights in `folder`, or with random ones.
    ///
    /// # Errors
    /// A [`Fault::input`] that lists the tensors that are missing, left over or misshapen.
    pub fn build(
        folder: &Path,
        config: BertConfig,
        weights: Weights,
        head: Head,
        compute: &Compute,
        seed: u64,
    ) -> Result<SequenceClassifier> {
        let mut source = match weights {
            Weights::Pretrained => ParameterSource::files(folder, &compute.device, seed, &config, head)?,
            Weights::Random => ParameterSource::random(&compute.device, seed, &config),
        };
        let network = Network {
            encoder: Encoder::build(&mut source, &config)?,
            head: ClassificationHead::build(&mut source, &config)?,
        };
        let names = source.finish(folder, head)?;
        Ok(SequenceClassifier { network, config, names, compute: compute.clone() })
    }

    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Keeps parameters as they are in every step to come.
    ///
    /// # Errors
    /// A usage fault where the model has not so many layers.
    pub fn freeze(&mut self, freeze: Freeze) -> Result<()> {
        let layers = self.config.num_hidden_layers;
        let message =
            || format!("config key `train.freeze.layers` is {}: the model has {layers}", freeze.layers);
        ensure!(freeze.layers <= layers, Fault::usage(message()));
        self.network.encoder = self.network.encoder.clone().freeze(freeze);
        Ok(())
    }

    /// The number of numbers that make up the model.
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

    /// The logits of every row of the batch, in label order, without dropout.
    pub fn logits(&self, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        let logits = self.forward(batch, Mode::Inference);
        let [_, labels] = logits.dims();
        let values = logits.into_data().convert::<f32>().try_to_vec::<f32>();
        let values = values.map_err(|error| anyhow::anyhow!("logits are no float32: {error:?}"))?;
        Ok(values.chunks(labels).map(<[f32]>::to_vec).collect())
    }

    /// `[batch, labels]`
    pub(crate) fn forward(&self, batch: &Batch, mode: Mode) -> Tensor<2> {
        let states = self.network.encoder.last_hidden_state(batch, &self.config, self.compute.path, mode);
        self.network.head.forward(states, self.config.head_dropout(), mode)
    }

    /// Writes `config.json` and `model.safetensors` into `folder`.
    pub fn save(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot write {}", folder.display()))?;
        self.config.write(folder)?;
        let mut collector = Collector { names: &self.names, tensors: Ok(BTreeMap::new()) };
        self.network.visit(&mut collector);
        weight_files::write(&folder.join(hub::WEIGHTS), &collector.tensors?)
    }
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
