//! The learning rate of every step, as `transformers`' `get_scheduler` and torch's `ExponentialLR` have it.

use std::f64::consts::PI;

use shared::config::{Schedule, ScheduleKind, TrainConfig};

#[derive(Debug, Clone, Copy)]
pub(crate) struct LearningRate {
    peak: f64,
    schedule: Schedule,
    steps_per_epoch: u64,
    total_steps: u64,
    warmup_steps: u64,
}

impl LearningRate {
    pub(crate) fn new(config: &TrainConfig, steps_per_epoch: u64) -> LearningRate {
        let total_steps = steps_per_epoch * config.epochs as u64;
        let ratio = (total_steps as f64 * config.schedule.warmup_ratio).ceil() as u64;
        LearningRate {
            peak: config.learning_rate,
            schedule: config.schedule,
            steps_per_epoch,
            total_steps,
            warmup_steps: config.schedule.warmup_steps.unwrap_or(ratio),
        }
    }

    pub(crate) fn total_steps(&self) -> u64 {
        self.total_steps
    }

    /// The learning rate of `step`, counted from 0. The first step of a warm-up has the rate 0, as there.
    pub(crate) fn at(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * step as f64 / self.warmup_steps as f64;
        }
        let decaying = self.total_steps.saturating_sub(self.warmup_steps).max(1);
        let progress = (step - self.warmup_steps) as f64 / decaying as f64;
        let factor = match self.schedule.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Linear => 1.0 - progress,
            ScheduleKind::Exponential => self.schedule.gamma.powf((step / self.steps_per_epoch) as f64),
            ScheduleKind::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
        };
        self.peak * factor.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ScheduleKind, warmup_steps: u64, expect: &[(u64, f64)]) {
        let schedule = Schedule { kind, warmup_steps: Some(warmup_steps), gamma: 0.5, ..Schedule::default() };
        let config = TrainConfig { learning_rate: 1.0, epochs: 2, schedule, ..TrainConfig::default() };
        let rate = LearningRate::new(&config, 50);
        for &(step, value) in expect {
            assert!((rate.at(step) - value).abs() < 1e-12, "{kind:?} at {step}: {}", rate.at(step));
        }
    }

    #[test]
    fn schedules_are_those_of_transformers() {
        // get_scheduler(name, optimizer, num_warmup_steps=10, num_training_steps=100)
        let warmup = [(0, 0.0), (5, 0.5), (10, 1.0)];
        check(ScheduleKind::Constant, 10, &[&warmup[..], &[(99, 1.0)]].concat());
        check(ScheduleKind::Linear, 10, &[&warmup[..], &[(55, 0.5), (99, 1.0 / 90.0)]].concat());
        check(ScheduleKind::Cosine, 10, &[&warmup[..], &[(55, 0.5), (40, 0.75)]].concat());
        check(ScheduleKind::Exponential, 0, &[(0, 1.0), (49, 1.0), (50, 0.5), (99, 0.5)]);
    }

    #[test]
    fn a_warmup_ratio_is_rounded_up() {
        let schedule = Schedule { warmup_ratio: 0.06, ..Schedule::default() };
        let config = TrainConfig { epochs: 1, schedule, ..TrainConfig::default() };
        assert_eq!(LearningRate::new(&config, 101).warmup_steps, 7);
    }
}
