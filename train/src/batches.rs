//! The batches of a training, step by step.

use crate::plan::Plan;

/// The batches of every step, epoch after epoch.
#[derive(Debug)]
pub(crate) struct Batches {
    plan: Plan,
    ends: Ends,
    /// The epoch that was planned last, from 0, and its batches.
    current: Option<(u64, Vec<Vec<usize>>)>,
}

/// The number of steps up to the end of each epoch.
#[derive(Debug)]
enum Ends {
    /// Every epoch has this many steps.
    Every(u64),
    /// By epoch, as far as they are planned: an epoch must be planned to be counted.
    Counted(Vec<u64>),
}

/// The position of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The epoch, from 0.
    pub(crate) epoch: u64,
    /// The step within the epoch, from 0.
    pub(crate) position: u64,
    /// Steps of the epoch.
    pub(crate) steps: u64,
}

impl Batches {
    pub(crate) fn new(plan: Plan) -> Batches {
        let ends = plan.batches_of_any_epoch().map_or(Ends::Counted(Vec::new()), Ends::Every);
        Batches { plan, ends, current: None }
    }

    /// The number of steps in the first `epochs` epochs.
    pub(crate) fn steps_of(&mut self, epochs: u64) -> u64 {
        match &mut self.ends {
            Ends::Every(steps) => *steps * epochs,
            Ends::Counted(ends) => {
                for epoch in ends.len() as u64..epochs {
                    count(&self.plan, epoch, ends);
                }
                epochs.checked_sub(1).map_or(0, |last| ends[last as usize])
            }
        }
    }

    /// The number of examples in an epoch.
    pub(crate) fn examples(&self) -> usize {
        self.plan.rows()
    }

    /// The position of `step`, counted from 0.
    pub(crate) fn place(&mut self, step: u64) -> Place {
        match &mut self.ends {
            Ends::Every(steps) => Place { epoch: step / *steps, position: step % *steps, steps: *steps },
            Ends::Counted(ends) => {
                while ends.last().is_none_or(|&end| end <= step) {
                    count(&self.plan, ends.len() as u64, ends);
                }
                let epoch = ends.partition_point(|&end| end <= step);
                let start = epoch.checked_sub(1).map_or(0, |before| ends[before]);
                Place { epoch: epoch as u64, position: step - start, steps: ends[epoch] - start }
            }
        }
    }

    /// The rows of the batch of `step`, counted from 0.
    pub(crate) fn of_step(&mut self, step: u64) -> &[usize] {
        let Place { epoch, position, .. } = self.place(step);
        &self.of_epoch(epoch)[position as usize]
    }

    /// The number of examples in all steps before `step`.
    pub(crate) fn examples_before(&mut self, step: u64) -> u64 {
        let Place { epoch, position, .. } = self.place(step);
        let rest: usize = match position {
            0 => 0,
            _ => self.of_epoch(epoch)[..position as usize].iter().map(Vec::len).sum(),
        };
        epoch * self.plan.rows() as u64 + rest as u64
    }

    /// The number of examples in `steps` steps, exact to a batch where epochs are alike. It plans no epoch.
    pub(crate) fn examples_expected(&mut self, steps: u64) -> u64 {
        let examples = u128::from(steps) * self.plan.rows() as u128 / u128::from(self.place(0).steps);
        u64::try_from(examples).unwrap_or(u64::MAX)
    }

    fn of_epoch(&mut self, epoch: u64) -> &[Vec<usize>] {
        let batches = match self.current.take() {
            Some((current, batches)) if current == epoch => batches,
            _ => self.plan.of_epoch(epoch),
        };
        let (_, batches) = self.current.insert((epoch, batches));
        batches
    }
}

fn count(plan: &Plan, epoch: u64, ends: &mut Vec<u64>) {
    let before = ends.last().copied().unwrap_or(0);
    ends.push(before + plan.of_epoch(epoch).len() as u64);
}

impl Place {
    /// True for the last step of each of `parts` nearly equal parts of the epoch.
    pub(crate) fn ends_a_part(self, parts: u64) -> bool {
        let part = |steps: u64| u128::from(steps) * u128::from(parts) / u128::from(self.steps);
        part(self.position + 1) > part(self.position)
    }

    /// The epochs that are done before the step, as a fraction.
    pub(crate) fn epochs(self) -> f64 {
        self.epoch as f64 + self.position as f64 / self.steps as f64
    }
}

#[cfg(test)]
mod tests {
    use models::Dataset;
    use shared::config::{BatchLimit, BatchOrder};
    use shared::schema::Features;

    use super::*;

    fn plan(limit: BatchLimit, order: BatchOrder) -> Plan {
        let row = |index: usize| Features {
            example_id: index.to_string(),
            input_ids: vec![1; 1 + index * 7 % 40],
            token_type_ids: vec![0; 1 + index * 7 % 40],
            targets: shared::schema::Targets::Class(0),
            offsets: Vec::new(),
        };
        Plan::new(&Dataset::of((0..105).map(row).collect()), limit, order, 7)
    }

    /// A step has the same batch whichever step is planned first.
    fn check(limit: BatchLimit, order: BatchOrder) -> Vec<usize> {
        let epochs: Vec<Vec<Vec<usize>>> = (0..4).map(|epoch| plan(limit, order).of_epoch(epoch)).collect();
        let (mut place, mut examples, mut step) = (Vec::new(), 0, 0);
        for (epoch, batches) in epochs.iter().enumerate() {
            for (position, rows) in batches.iter().enumerate() {
                let steps = batches.len() as u64;
                place.push(Place { epoch: epoch as u64, position: position as u64, steps });
                // A fresh one, as after a resume.
                let mut batches = Batches::new(plan(limit, order));
                assert_eq!(batches.examples_before(step), examples);
                assert_eq!(batches.of_step(step), rows);
                assert_eq!(batches.place(step), place[step as usize]);
                (examples, step) = (examples + rows.len() as u64, step + 1);
            }
        }
        let mut batches = Batches::new(plan(limit, order));
        for (step, (rows, place)) in epochs.concat().iter().zip(place).enumerate() {
            assert_eq!(batches.of_step(step as u64), rows);
            assert_eq!(batches.place(step as u64), place);
        }
        assert_eq!(batches.of_step(2), epochs[0][2]);
        assert_eq!(batches.steps_of(4), step);
        assert_eq!(Batches::new(plan(limit, order)).steps_of(4), step);
        assert_eq!(Batches::new(plan(limit, order)).steps_of(0), 0);
        epochs.iter().map(Vec::len).collect()
    }

    #[test]
    fn steps_go_through_the_epochs() {
        for order in [BatchOrder::Sequential, BatchOrder::Random, BatchOrder::GroupedByLength] {
            assert_eq!(check(BatchLimit { rows: 10, tokens: None }, order), [11; 4]);
            let counts = check(BatchLimit { rows: usize::MAX, tokens: Some(170) }, order);
            if order == BatchOrder::Random {
                assert!(counts.iter().any(|&count| count != counts[0]), "{counts:?} are all alike");
            }
        }
    }

    #[test]
    fn parts_of_an_epoch_end_evenly() {
        let check = |steps: u64, parts, expect: &[u64]| {
            let place = |position| Place { epoch: 3, position, steps };
            let ends: Vec<u64> = (0..steps).filter(|&position| place(position).ends_a_part(parts)).collect();
            assert_eq!(ends, expect);
        };
        check(10, 1, &[9]);
        check(10, 2, &[4, 9]);
        check(10, 3, &[3, 6, 9]);
        check(3, 7, &[0, 1, 2]);
    }

    #[test]
    fn an_expectation_is_near() {
        let limit = BatchLimit { rows: usize::MAX, tokens: Some(170) };
        let mut batches = Batches::new(plan(limit, BatchOrder::Random));
        let exact = batches.examples_before(50);
        let expected = batches.examples_expected(50);
        assert!(expected.abs_diff(exact) * 10 < exact, "{expected} for {exact}");
    }
}
