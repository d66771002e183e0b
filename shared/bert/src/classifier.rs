//! An encoder under a classification head: `transformers`' `BertForSequenceClassification` and
//! `ElectraForSequenceClassification`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor, activation};
use shared::config::Weights;
use shared::layout::hub;

use crate::batch::Batch;
use crate::config::BertConfig;
use crate::device::Compute;
use crate::encoder::Encoder;
use crate::heads::ClassificationHead;
use crate::layers::Mode;
use crate::optimizer::AdamW;
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
    network: Network,
    config: BertConfig,
    names: ParameterNames,
    compute: Compute,
}

/// What one optimization step saw.
#[derive(Debug, Clone, Copy)]
pub struct StepOutcome {
    /// Mean cross-entropy of the batch before the step.
    pub loss: f64,
    /// Examples of the batch that were classified rightly, with dropout on.
    pub correct: usize,
    /// The global norm of the gradients before clipping.
    pub gradient_norm: f64,
}

impl SequenceClassifier {
    /// Builds the model of `config` with the weights in `folder`, or with random ones.
    ///
    /// # Errors
    /// A [`shared::fault::Fault::input`] that lists the tensors that are missing, left over or misshapen.
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

    /// The number of trainable numbers.
    pub fn parameters(&self) -> usize {
        self.network.num_params()
    }

    /// One step down the gradient of the batch's mean loss, at `learning_rate`.
    pub fn step(&mut self, batch: &Batch, optimizer: &mut AdamW, learning_rate: f64) -> Result<StepOutcome> {
        let (loss, correct, gradients) = self.gradients(batch, Mode::Training)?;
        let (network, gradient_norm) =
            optimizer.step(self.network.clone(), gradients, &self.names, learning_rate)?;
        self.network = network;
        Ok(StepOutcome { loss, correct, gradient_norm })
    }

    /// The mean loss of the batch, how many of it are classified rightly, and the loss' gradients.
    pub(crate) fn gradients(&self, batch: &Batch, mode: Mode) -> Result<(f64, usize, GradientsParams)> {
        let logits = self.forward(batch, mode);
        let targets = batch.targets(&logits.device());
        let correct = correct(logits.clone(), targets.clone())?;
        let loss = cross_entropy(logits, targets);
        let value = loss.clone().into_scalar::<f32>();
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        Ok((value.into(), correct, gradients))
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

    /// The model for inference: it shares the parameters, so it must be gone before the next step.
    pub fn frozen(&self) -> SequenceClassifier {
        SequenceClassifier {
            network: self.network.valid(),
            config: self.config.clone(),
            names: self.names.clone(),
            compute: self.compute.clone(),
        }
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
    fn forward(&self, batch: &Batch, mode: Mode) -> Tensor<2> {
        let states = self.network.encoder.last_hidden_state(batch, &self.config, self.compute.path, mode);
        self.network.head.forward(states, mode.rate(self.config.head_dropout()))
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

/// Mean cross-entropy of `[batch, labels]` logits against `[batch]` label ids.
fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    activation::log_softmax(logits, 1).gather(1, targets.unsqueeze_dim(1)).mean().neg()
}

fn correct(logits: Tensor<2>, targets: Tensor<1, Int>) -> Result<usize> {
    let hits = logits.argmax(1).flatten::<1>(0, 1).equal(targets).int().sum().into_scalar::<i64>();
    Ok(usize::try_from(hits)?)
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
            let values = param.val().into_data().convert::<f32>().try_to_vec::<f32>();
            let values = values.map_err(|error| anyhow::anyhow!("a parameter is no float32: {error:?}"))?;
            let tensor = StoredTensor::from_f32(param.dims().to_vec(), &values);
            Ok((self.names.of(param.id)?.to_owned(), tensor))
        };
        match entry() {
            Ok((name, tensor)) => drop(tensors.insert(name, tensor)),
            Err(error) => self.tensors = Err(error),
        }
    }
}
