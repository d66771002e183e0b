//! The assignment of rows to train, dev and test.

use sha2::{Digest, Sha256};
use shared::config::FetchConfig;
use shared::layout::Split;
use shared::schema::{Example, Texts};

use crate::raw::RawFiles;

/// The prefix of every hashed id, which makes the assignment independent of other hashes of the ids. Changing it changes
/// every dev split.
const SALT: &[u8] = b"bertline dev split 1\n";

/// The assignment of the rows of one split's files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SplitAssignment {
    /// The split of all rows that are not assigned to dev or test.
    rest: Split,
    /// The fraction of rows for dev.
    dev: f64,
    /// The fraction of rows for test.
    test: f64,
    /// The fraction of the remaining rows that are left out.
    left_out: f64,
}

impl SplitAssignment {
    /// The assignment for the files of `split`. Dev and test are taken from train where `files` has none for them.
    pub(crate) fn of(split: Split, files: &RawFiles, config: &FetchConfig) -> SplitAssignment {
        let rest = if config.only.is_some() { Split::Train } else { split };
        let from_train = |split: Split, fraction: f64| {
            let own = config.only.is_none() && files.contains_key(&split);
            if rest == Split::Train && !own { fraction } else { 0.0 }
        };
        SplitAssignment {
            rest,
            dev: from_train(Split::Dev, config.dev_fraction),
            test: from_train(Split::Test, config.test_fraction),
            left_out: if rest == Split::Train { 1.0 - config.train_fraction.unwrap_or(1.0) } else { 0.0 },
        }
    }

    /// The splits that receive rows.
    pub(crate) fn splits(self) -> impl Iterator<Item = Split> {
        let dev = (self.dev > 0.0).then_some(Split::Dev);
        let test = (self.test > 0.0).then_some(Split::Test);
        std::iter::once(self.rest).chain(dev).chain(test)
    }

    /// The split of an example; none if it is left out. It depends only on the id, or on the context of a question. Therefore
    /// adding or removing rows moves no other row, and a context of train never occurs in dev or test.
    pub(crate) fn split_of(self, example: &Example, texts: Texts) -> Option<Split> {
        self.split_at(match (texts, &example.text_pair) {
            (Texts::QuestionInContext, Some(context)) => context,
            _ => &example.example_id,
        })
    }

    fn split_at(self, key: &str) -> Option<Split> {
        let digest = Sha256::new().chain_update(SALT).chain_update(key).finalize();
        let position = digest.iter().take(8).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let below = |fraction: f64| (position as f64) < fraction * 2_f64.powi(64);
        let held_out = self.dev + self.test;
        if below(self.dev) {
            return Some(Split::Dev);
        }
        if below(held_out) {
            return Some(Split::Test);
        }
        (!below(held_out + self.left_out * (1.0 - held_out))).then_some(self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::schema::Truth;

    fn assignment(dev: f64, test: f64) -> SplitAssignment {
        SplitAssignment { rest: Split::Train, dev, test, left_out: 0.0 }
    }

    fn share(assignment: SplitAssignment, split: Split) -> f64 {
        let chosen = (0..20_000).filter(|id| assignment.split_at(&id.to_string()) == Some(split)).count();
        chosen as f64 / 20_000.0
    }

    #[test]
    fn the_fractions_are_met() {
        assert!((share(assignment(0.05, 0.0), Split::Dev) - 0.05).abs() < 0.005);
        let both = assignment(0.5, 0.2);
        assert!((share(both, Split::Dev) - 0.5).abs() < 0.01);
        assert!((share(both, Split::Test) - 0.2).abs() < 0.01);
    }

    #[test]
    fn a_larger_fraction_only_adds_rows() {
        let dev = |id: &str, fraction: f64| assignment(fraction, 0.3).split_at(id) == Some(Split::Dev);
        let ids = (0..2_000).map(|id| id.to_string());
        assert!(ids.into_iter().all(|id| !dev(&id, 0.05) || dev(&id, 0.1)));
    }

    #[test]
    fn a_train_fraction_does_not_change_dev_and_test() {
        let split = |id: u32, left_out: f64| {
            SplitAssignment { left_out, ..assignment(0.2, 0.2) }.split_at(&id.to_string())
        };
        let whole = |id: u32| split(id, 0.0);
        let ids = || (0..20_000).filter(|&id| whole(id) == Some(Split::Train));
        assert!((0..2_000).all(|id| whole(id) == Some(Split::Train) || split(id, 0.9) == whole(id)));
        let kept = ids().filter(|&id| split(id, 0.9).is_some()).count() as f64;
        assert!((kept / ids().count() as f64 - 0.1).abs() < 0.01);
        assert!(ids().all(|id| split(id, 0.9).is_none() || split(id, 0.5).is_some()));
    }

    #[test]
    fn the_assignment_never_changes() {
        let dev = |id: &u32| assignment(0.1, 0.1).split_at(&id.to_string()) == Some(Split::Dev);
        let chosen: Vec<u32> = (0..60).filter(dev).collect();
        assert_eq!(chosen, [6, 14, 15, 25, 27, 31, 39, 47, 48, 54, 56, 57]);
    }

    #[test]
    fn questions_on_a_context_stay_together() {
        let question = |id: u32, context: u32| Example {
            example_id: id.to_string(),
            text: String::new(),
            text_pair: Some(context.to_string()),
            truth: Truth::Answers(Vec::new()),
        };
        let split_of = |example: &Example, texts| assignment(0.3, 0.3).split_of(example, texts);
        for context in 0..50 {
            let together = split_of(&question(0, context), Texts::QuestionInContext);
            assert_eq!(together, assignment(0.3, 0.3).split_at(&context.to_string()));
            assert!((1..9).all(|id| split_of(&question(id, context), Texts::QuestionInContext) == together));
            assert_eq!(split_of(&question(context, 1), Texts::Pair), together);
        }
    }
}
