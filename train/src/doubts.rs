//! Warnings about settings and data from which a training learns little or nothing.

use shared::config::TrainConfig;
use shared::schema::Features;
use tasks::constant_target;

use crate::batches::Batches;
use crate::schedule::LearningRate;

/// A sentence for each doubtful setting, with a remedy.
pub(crate) fn of_settings(
    config: &TrainConfig,
    learning_rate: &LearningRate,
    batches: &mut Batches,
) -> Vec<String> {
    let total = learning_rate.total_steps();
    if total == 0 {
        return vec!["`train.epochs` is 0: nothing is trained, and the model is kept as it is".to_owned()];
    }
    let doubts = [
        learning_rate.doubt(),
        small_train(batches),
        late_evaluation(config, total),
        patience(config, batches, total),
    ];
    doubts.into_iter().flatten().collect()
}

/// A sentence for each split whose targets are all the same; `outputs` are the names of the model's outputs.
pub(crate) fn of_targets(train: &[Features], dev: &[Features], outputs: &[String]) -> Vec<String> {
    let train = constant_target(train, outputs)
        .map(|clause| format!("in train {clause}: a model learns nothing else from it"));
    let dev = constant_target(dev, outputs)
        .map(|clause| format!("in dev {clause}: its metrics do not tell a good model from a bad one"));
    train.into_iter().chain(dev).collect()
}

fn small_train(batches: &mut Batches) -> Option<String> {
    let examples = batches.examples();
    (batches.steps_of(1) == 1 && examples > 1).then(|| {
        format!(
            "all {examples} train examples fit into one batch, so an epoch is one step; lower `train.batch_size` for more"
        )
    })
}

fn late_evaluation(config: &TrainConfig, total: u64) -> Option<String> {
    let every = config.evaluate_every_steps.filter(|&every| every > total)?;
    Some(format!(
        "`train.evaluate_every_steps` is {every}, and the training has {}: dev is evaluated after the last step only",
        steps(total)
    ))
}

/// The first evaluation is always the best so far, so stopping takes one evaluation more than `early_stopping_patience`.
/// The last evaluation ends the training in any case.
fn patience(config: &TrainConfig, batches: &mut Batches, total: u64) -> Option<String> {
    let patience = config.early_stopping_patience?;
    let most = match (config.evaluate_every_steps, config.evaluations_per_epoch) {
        (Some(every), _) => total.div_ceil(every),
        (None, times) => {
            // Epochs of unlike length are taken to be as long as the first.
            let epochs = total.div_ceil(batches.steps_of(1).max(1));
            epochs.saturating_mul(times.unwrap_or(1)).min(total)
        }
    };
    (patience.saturating_add(1) >= most).then(|| {
        format!(
            "early stopping cannot end the training: dev is evaluated at most {}, and `train.early_stopping_patience` is \
             {patience}; lower it, or evaluate more often (`train.evaluate_every_steps`)",
            if most == 1 { "once".to_owned() } else { format!("{most} times") }
        )
    })
}

/// `count` steps as a phrase.
pub(crate) fn steps(count: u64) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

#[cfg(test)]
mod tests {
    use models::Dataset;
    use shared::config::Schedule;
    use shared::schema::Targets;

    use super::*;
    use crate::plan::Plan;

    fn row(target: i64) -> Features {
        Features {
            example_id: String::new(),
            input_ids: vec![1; 4],
            token_type_ids: vec![0; 4],
            targets: Targets::Class(target),
            offsets: Vec::new(),
        }
    }

    /// Checks that the doubts about 100 examples in batches of 10 contain `parts`, one each.
    fn check(config: &TrainConfig, parts: &[&str]) {
        let no_warmup = Schedule { warmup_steps: Some(0), ..Schedule::default() };
        let config =
            TrainConfig { schedule: no_warmup, batch_size: config.batch_size.or(Some(10)), ..config.clone() };
        let train = Dataset::of((0..100).map(row).collect());
        let plan = Plan::new(&train, config.batch_limit(), config.batch_order, 7);
        let mut batches = Batches::new(plan);
        let total = config.max_steps.unwrap_or_else(|| batches.steps_of(config.epochs as u64));
        let doubts = of_settings(&config, &LearningRate::new(&config, total), &mut batches);
        assert_eq!(doubts.len(), parts.len(), "{doubts:?}");
        let told = doubts.iter().zip(parts).all(|(doubt, part)| doubt.contains(part));
        assert!(told, "{doubts:?} without {parts:?}");
    }

    #[test]
    fn settings_that_have_no_effect_are_told() {
        let config = || TrainConfig { epochs: 3, ..TrainConfig::default() };
        check(&config(), &[]);
        check(&TrainConfig { epochs: 0, ..config() }, &["`train.epochs` is 0"]);
        check(
            &TrainConfig { batch_size: Some(100), ..config() },
            &["all 100 train examples fit into one batch"],
        );
        check(&TrainConfig { evaluate_every_steps: Some(30), ..config() }, &[]);
        check(&TrainConfig { evaluate_every_steps: Some(31), ..config() }, &["the training has 30 steps"]);
    }

    #[test]
    fn patience_that_outlasts_the_training_is_told() {
        let patient =
            |patience, config: TrainConfig| TrainConfig { early_stopping_patience: Some(patience), ..config };
        let config = || TrainConfig { epochs: 3, ..TrainConfig::default() };
        check(&patient(1, config()), &[]);
        check(&patient(2, config()), &["dev is evaluated at most 3 times"]);
        check(&patient(4, TrainConfig { evaluations_per_epoch: Some(2), ..config() }), &[]);
        check(&patient(5, TrainConfig { evaluations_per_epoch: Some(2), ..config() }), &["at most 6 times"]);
        check(&patient(2, TrainConfig { evaluate_every_steps: Some(8), ..config() }), &[]);
        check(&patient(3, TrainConfig { evaluate_every_steps: Some(8), ..config() }), &["at most 4 times"]);
        check(&patient(1, TrainConfig { max_steps: Some(25), ..config() }), &[]);
        check(&patient(2, TrainConfig { max_steps: Some(25), ..config() }), &["at most 3 times"]);
        check(&patient(3, TrainConfig { max_steps: Some(u64::MAX), ..config() }), &[]);
    }

    #[test]
    fn splits_of_one_label_are_told() {
        let check = |train: &[i64], dev: &[i64], parts: &[&str]| {
            let rows = |labels: &[i64]| labels.iter().map(|&label| row(label)).collect::<Vec<_>>();
            let doubts = of_targets(&rows(train), &rows(dev), &["no".to_owned(), "yes".to_owned()]);
            let begin = |(doubt, part): (&String, &&str)| doubt.starts_with(part);
            assert!(doubts.len() == parts.len() && doubts.iter().zip(parts).all(begin), "{doubts:?}");
        };
        check(&[0, 1], &[1, 0], &[]);
        check(&[0, 1], &[1, 1], &["in dev every label is `yes`"]);
        check(&[0, 0], &[1, 0], &["in train every label is `no`"]);
        check(&[0, 0], &[0], &["in train every label is `no`", "in dev every label is `no`"]);
    }
}
