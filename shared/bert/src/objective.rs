//! What a step minimises: cross-entropy as `torch.nn.CrossEntropyLoss` defines it.

use burn::tensor::{Int, Tensor, TensorData, activation};

/// Cross-entropy with label smoothing (Szegedy et al., 2016, <https://arxiv.org/abs/1512.00567>) and class weights.
#[derive(Debug, Clone, Default)]
pub struct Objective {
    /// The share of a target's probability that is spread over all labels.
    pub label_smoothing: f64,
    /// One a label; empty: all 1.
    pub class_weights: Vec<f64>,
}

impl Objective {
    /// What the losses' sum is divided by to give their mean: the sum of the examples' weights.
    pub(crate) fn weight(&self, labels: &[i64]) -> f64 {
        if self.class_weights.is_empty() {
            return labels.len() as f64;
        }
        let of = |&label: &i64| usize::try_from(label).ok().and_then(|label| self.class_weights.get(label));
        labels.iter().filter_map(of).sum()
    }

    /// `[1]`: the sum of the losses of `[batch, labels]` logits against `[batch]` label ids.
    pub(crate) fn sum(&self, logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
        let mut losses = activation::log_softmax(logits, 1).neg();
        if !self.class_weights.is_empty() {
            let weights: Vec<f32> = self.class_weights.iter().map(|&weight| weight as f32).collect();
            let weights = TensorData::new(weights, [1, self.class_weights.len()]);
            losses = losses.clone() * Tensor::from_data(weights, &losses.device());
        }
        let of_targets = losses.clone().gather(1, targets.unsqueeze_dim(1)).sum();
        if self.label_smoothing == 0.0 {
            return of_targets;
        }
        let labels = losses.dims()[1] as f64;
        of_targets * (1.0 - self.label_smoothing) + losses.sum() * (self.label_smoothing / labels)
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
        let device = Compute::open(DeviceChoice::Cpu, Precision::F32, 1, 7).unwrap().device;
        let logits = TensorData::new(golden.logits.concat(), [golden.logits.len(), 3]);
        let logits = Tensor::<2>::from_data(logits, &device);
        let labels = TensorData::new(golden.labels.clone(), [golden.labels.len()]);
        let labels = Tensor::<1, Int>::from_data(labels, &device);
        assert!(golden.cases.len() > 3);
        for Case { label_smoothing, class_weights, loss } in golden.cases {
            let objective = Objective { label_smoothing, class_weights };
            let sum = objective.sum(logits.clone(), labels.clone()).into_scalar::<f32>();
            let ours = f64::from(sum) / objective.weight(&golden.labels);
            assert!((ours - loss).abs() < 1e-6, "{objective:?}: {ours} for {loss}");
        }
    }
}
