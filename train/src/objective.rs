//! The loss that `[train]` asks for.

use anyhow::{Result, ensure};
use models::{Dataset, Objective};
use shared::config::{ByFrequency, ClassWeights, TrainConfig};
use shared::fault::Fault;
use shared::names::listed;
use shared::schema::{TargetKind, Targets};

/// # Errors
/// A usage fault where the number of weights differs from that of labels, or the task is not one label a text.
pub(crate) fn of(
    config: &TrainConfig,
    train: &Dataset,
    targets: TargetKind,
    labels: &[String],
) -> Result<Objective> {
    let of_classes = config.class_weights.is_some() || config.label_smoothing > 0.0;
    let advice =
        "config keys `train.class_weights` and `train.label_smoothing` are for one label a text; drop them";
    ensure!(targets == TargetKind::Class || !of_classes, Fault::usage(advice));
    let class_weights = match &config.class_weights {
        None => Vec::new(),
        Some(ClassWeights::Given(weights)) => {
            let (given, wanted, names) = (weights.len(), labels.len(), listed(labels));
            let message = || {
                format!(
                    "config key `train.class_weights` has {given} weights, and there are {wanted} labels: {names}; give one \
                     weight a label, in this order"
                )
            };
            ensure!(given == labels.len(), Fault::usage(message()));
            weights.clone()
        }
        Some(ClassWeights::ByFrequency(ByFrequency::Balanced)) => {
            balanced(train.rows().iter().map(|row| &row.targets), labels.len())
        }
    };
    Ok(Objective { label_smoothing: config.label_smoothing, class_weights })
}

/// `examples / (labels · examples of the label)`; 1 for a label without examples, whose weight is never used.
fn balanced<'a>(of_rows: impl Iterator<Item = &'a Targets>, labels: usize) -> Vec<f64> {
    let mut counts = vec![0u64; labels];
    for targets in of_rows {
        let Targets::Class(label) = *targets else { continue };
        if let Some(count) = usize::try_from(label).ok().and_then(|label| counts.get_mut(label)) {
            *count += 1;
        }
    }
    let examples: u64 = counts.iter().sum();
    let weight = |&count: &u64| match count {
        0 => 1.0,
        count => examples as f64 / (labels as f64 * count as f64),
    };
    counts.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_are_those_of_scikit_learn() {
        // compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 2, 2])
        let balanced = |of_rows: &[i64], labels| {
            let targets: Vec<Targets> = of_rows.iter().map(|&label| Targets::Class(label)).collect();
            balanced(targets.iter(), labels)
        };
        let weights = balanced(&[0, 0, 0, 1, 2, 2], 3);
        let near = |(a, b): (&f64, f64)| (a - b).abs() < 1e-12;
        assert!(weights.iter().zip([2.0 / 3.0, 2.0, 1.0]).all(near), "{weights:?}");
        assert_eq!(balanced(&[1], 2), [1.0, 0.5]);
    }
}
