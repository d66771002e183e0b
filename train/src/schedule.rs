//! The learning rate of every step, as `get_scheduler` of `transformers` and `ExponentialLR` of torch compute it.

use std::f64::consts::PI;

use shared::config::{Schedule, ScheduleKind, TrainConfig};

use crate::doubts::steps;

#[derive(Debug, Clone, Copy)]
pub(crate) struct LearningRate {
    peak: f64,
    schedule: Schedule,
    total_steps: u64,
    warmup_steps: u64,
}

impl LearningRate {
    pub(crate) fn new(config: &TrainConfig, total_steps: u64) -> LearningRate {
        let ratio = (total_steps as f64 * config.schedule.warmup_ratio).ceil() as u64;
        LearningRate {
            peak: config.learning_rate,
            schedule: config.schedule,
            total_steps,
            warmup_steps: config.schedule.warmup_steps.unwrap_or(ratio),
        }
    }

    pub(crate) fn total_steps(&self) -> u64 {
        self.total_steps
    }

    /// A sentence for the log where steps teach little or nothing; none where all is well.
    ///
    /// The first step of a warm-up has a learning rate of 0, which is told where there are few steps.
    pub(crate) fn doubt(&self) -> Option<String> {
        let (total, warmup) = (self.total_steps, self.warmup_steps);
        let remedy = "lower `train.schedule.warmup_steps` or `warmup_ratio`, or train longer";
        if total == 0 || warmup == 0 {
            return None;
        }
        if total == 1 {
            return Some(format!(
                "the only step has a learning rate of 0, with which the warm-up begins, so the model stays as it is; {remedy}"
            ));
        }
        if warmup >= total {
            return Some(format!(
                "the warm-up takes {} and the training {total}, so the learning rate never reaches `train.learning_rate`; \
                 {remedy}",
                steps(warmup)
            ));
        }
        (total < 100).then(|| {
            format!(
                "the first of {total} steps has a learning rate of 0, with which the warm-up begins; {remedy}"
            )
        })
    }

    /// The learning rate of `step` in `epoch`, both counted from 0. The first step of a warm-up has the rate 0.
    pub(crate) fn at(&self, step: u64, epoch: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * step as f64 / self.warmup_steps as f64;
        }
        let decaying = self.total_steps.saturating_sub(self.warmup_steps).max(1);
        let progress = (step - self.warmup_steps) as f64 / decaying as f64;
        let factor = match self.schedule.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Linear => 1.0 - progress,
            ScheduleKind::Exponential => self.schedule.gamma.powf(epoch as f64),
            ScheduleKind::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
        };
        self.peak * factor.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    const STEPS_PER_EPOCH: u64 = 25;

    fn check(kind: ScheduleKind, warmup_steps: u64, expect: &[f64]) {
        let schedule = Schedule { kind, warmup_steps: Some(warmup_steps), gamma: 0.9, ..Schedule::default() };
        let config = TrainConfig { learning_rate: 1e-3, schedule, ..TrainConfig::default() };
        let rate = LearningRate::new(&config, expect.len() as u64);
        for (step, value) in expect.iter().enumerate() {
            let ours = rate.at(step as u64, step as u64 / STEPS_PER_EPOCH);
            assert!((ours - value).abs() < 1e-12, "{kind:?} at {step}: {ours} is not {value}");
        }
    }

    #[test]
    fn every_step_of_every_schedule_is_that_of_transformers() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/schedules.json");
        let golden: BTreeMap<String, Vec<f64>> =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        check(ScheduleKind::Constant, 13, &golden["constant"]);
        check(ScheduleKind::Linear, 13, &golden["linear"]);
        check(ScheduleKind::Cosine, 13, &golden["cosine"]);
        check(ScheduleKind::Exponential, 0, &golden["exponential"]);
    }

    fn check_doubt(total_steps: u64, warmup_steps: u64, part: Option<&str>) {
        let schedule = Schedule { warmup_steps: Some(warmup_steps), ..Schedule::default() };
        let config = TrainConfig { schedule, ..TrainConfig::default() };
        let doubt = LearningRate::new(&config, total_steps).doubt();
        match part {
            None => assert_eq!(doubt, None),
            Some(part) => assert!(doubt.as_ref().is_some_and(|doubt| doubt.contains(part)), "{doubt:?}"),
        }
    }

    #[test]
    fn steps_that_teach_nothing_are_said() {
        check_doubt(1, 1, Some("the only step has a learning rate of 0"));
        check_doubt(20, 20, Some("the warm-up takes 20 steps and the training 20"));
        check_doubt(20, 2, Some("the first of 20 steps has a learning rate of 0"));
        check_doubt(1000, 60, None);
        check_doubt(20, 0, None);
        check_doubt(0, 0, None);
    }

    #[test]
    fn a_warmup_ratio_is_rounded_up() {
        let schedule = Schedule { warmup_ratio: 0.06, ..Schedule::default() };
        let config = TrainConfig { schedule, ..TrainConfig::default() };
        assert_eq!(LearningRate::new(&config, 101).warmup_steps, 7);
    }
}
