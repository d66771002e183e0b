//! The objective of a step: for each kind of targets, the loss of the `transformers` head for them.

use anyhow::{Result, bail};
use burn::tensor::{Int, Tensor, TensorData, activation};
use shared::fault::Fault;

use crate::data::batch::Batch;
use crate::data::targets::{BatchTargets, integers};
use crate::device::Implementation;
use crate::optim::losses::{binary_cross_entropies, counted_spans, span_cross_entropies, squared_errors};

/// Options of the cross-entropy of classes, tags and masked tokens, as `torch.nn.CrossEntropyLoss` defines them: label
/// smoothing (Szegedy et al., 2016, <https://arxiv.org/abs/1512.00567>) and class weights. Other losses have neither.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Objective {
    /// The share of a target's probability that is spread over all labels.
    pub label_smoothing: f64,
    /// One a label; empty: all 1.
    pub class_weights: Vec<f64>,
}

impl Objective {
    /// The divisor that turns the sum of the losses into their mean.
    pub(crate) fn weight(&self, batch: &Batch) -> f64 {
        let targets = &batch.targets;
        match targets {
            BatchTargets::Unknown => 0.0,
            BatchTargets::Sets(values) | BatchTargets::Scores(values) => values.len() as f64,
            BatchTargets::Spans(spans) => counted_spans(batch, spans) as f64,
            BatchTargets::Classes(_) | BatchTargets::Tags(_) => {
                self.weight_of(&targets.classes().unwrap_or_default())
            }
        }
    }

    fn weight_of(&self, classes: &[i64]) -> f64 {
        if self.class_weights.is_empty() {
            return classes.len() as f64;
        }
        let of = |&class: &i64| usize::try_from(class).ok().and_then(|class| self.class_weights.get(class));
        classes.iter().filter_map(of).sum()
    }

    /// `[1]`: the sum of the losses of the batch, whose logits are those of [`crate::model::Tokens::WithTargets`].
    ///
    /// # Errors
    /// A [`Fault::input`] where the examples have no labels.
    pub(crate) fn sum(
        &self,
        logits: Tensor<2>,
        batch: &Batch,
        implementation: Implementation,
    ) -> Result<Tensor<1>> {
        Ok(match &batch.targets {
            BatchTargets::Unknown => bail!(Fault::input("examples without labels teach a model nothing")),
            BatchTargets::Scores(scores) => squared_errors(logits, scores),
            BatchTargets::Sets(sets) => binary_cross_entropies(logits, sets),
            BatchTargets::Spans(spans) => span_cross_entropies(logits, batch, spans),
            targets @ (BatchTargets::Classes(_) | BatchTargets::Tags(_)) => {
                let classes = integers(targets.classes().unwrap_or_default(), &logits.device());
                self.cross_entropies(logits, classes, implementation)
            }
        })
    }

    /// `[1]`: the sum of cross-entropies of `[n, labels]` logits against `[n]` class ids.
    fn cross_entropies(
        &self,
        logits: Tensor<2>,
        classes: Tensor<1, Int>,
        implementation: Implementation,
    ) -> Tensor<1> {
        match implementation {
            #[cfg(feature = "libtorch")]
            Implementation::Fused(_) if *self == Objective::default() => {
                crate::autograd::cross_entropies(logits, classes)
            }
            _ => self.plain(logits, classes),
        }
    }

    fn plain(&self, logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
        let mut log_probabilities = activation::log_softmax(logits, 1);
        if !self.class_weights.is_empty() {
            let weights: Vec<f32> = self.class_weights.iter().map(|&weight| weight as f32).collect();
            let weights = TensorData::new(weights, [1, self.class_weights.len()]);
            let weights = Tensor::from_data(weights, &log_probabilities.device());
            log_probabilities = log_probabilities * weights;
        }
        let of_classes = log_probabilities.clone().gather(1, classes.unsqueeze_dim(1)).sum().neg();
        if self.label_smoothing == 0.0 {
            return of_classes;
        }
        let labels = log_probabilities.dims()[1] as f64;
        of_classes * (1.0 - self.label_smoothing) - log_probabilities.sum() * (self.label_smoothing / labels)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use shared::config::{DeviceChoice, Precision};

    use super::*;
    use crate::Compute;

    /// `tests/golden/objectives.json`
    #[derive(Deserialize)]
    struct Golden {
        logits: Vec<[f32; 3]>,
        labels: Vec<i64>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        label_smoothing: f64,
        class_weights: Vec<f64>,
        loss: f64,
    }

    #[test]
    fn losses_are_those_of_torch() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/objectives.json");
        let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let Compute { device, implementation, .. } =
            Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap();
        let logits = TensorData::new(golden.logits.concat(), [golden.logits.len(), 3]);
        let logits = Tensor::<2>::from_data(logits, &device);
        let labels = TensorData::new(golden.labels.clone(), [golden.labels.len()]);
        let labels = Tensor::<1, Int>::from_data(labels, &device);
        assert!(golden.cases.len() > 3);
        for Case { label_smoothing, class_weights, loss } in golden.cases {
            let objective = Objective { label_smoothing, class_weights };
            for implementation in [implementation, Implementation::Plain] {
                let sum = objective.cross_entropies(logits.clone(), labels.clone(), implementation);
                let ours = f64::from(sum.into_scalar::<f32>()) / objective.weight_of(&golden.labels);
                assert!((ours - loss).abs() < 1e-6, "{objective:?} {implementation:?}: {ours} for {loss}");
            }
        }
    }
}
