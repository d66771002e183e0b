//! Which rows of train become dev, and which test.

use sha2::{Digest, Sha256};
use shared::config::FetchConfig;
use shared::layout::Split;

use crate::raw::RawFiles;

/// Part of every hash, so that this choice is independent of any other hash of the same ids. Changing it
/// changes every dev split that was ever made.
const SALT: &[u8] = b"bertline dev split 1\n";

/// Where the rows of a split's files go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parts {
    /// All but the parts for dev and test.
    rest: Split,
    dev: f64,
    test: f64,
}

impl Parts {
    /// Of the files of `split`, of all that there are. Of train, what has no files of its own is a part.
    pub(crate) fn of(split: Split, files: &RawFiles, config: &FetchConfig) -> Parts {
        let rest = if config.only.is_some() { Split::Train } else { split };
        let part = |of: Split, fraction: f64| {
            let own = config.only.is_none() && files.contains_key(&of);
            if rest == Split::Train && !own { fraction } else { 0.0 }
        };
        Parts {
            rest,
            dev: part(Split::Dev, config.dev_fraction),
            test: part(Split::Test, config.test_fraction),
        }
    }

    /// The splits that get rows.
    pub(crate) fn splits(self) -> impl Iterator<Item = Split> {
        let dev = (self.dev > 0.0).then_some(Split::Dev);
        let test = (self.test > 0.0).then_some(Split::Test);
        std::iter::once(self.rest).chain(dev).chain(test)
    }

    /// Where the example goes. It depends on the id alone, so rows that are added or taken away move no other row.
    pub(crate) fn split_of(self, example_id: &str) -> Split {
        let digest = Sha256::new().chain_update(SALT).chain_update(example_id).finalize();
        let position = digest.iter().take(8).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let below = |fraction: f64| (position as f64) < fraction * 2_f64.powi(64);
        match (below(self.dev), below(self.dev + self.test)) {
            (true, _) => Split::Dev,
            (false, true) => Split::Test,
            (false, false) => self.rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(dev: f64, test: f64) -> Parts {
        Parts { rest: Split::Train, dev, test }
    }

    fn share(parts: Parts, split: Split) -> f64 {
        let chosen = (0..20_000).filter(|id| parts.split_of(&id.to_string()) == split).count();
        chosen as f64 / 20_000.0
    }

    #[test]
    fn the_fractions_are_met() {
        assert!((share(parts(0.05, 0.0), Split::Dev) - 0.05).abs() < 0.005);
        let both = parts(0.5, 0.2);
        assert!((share(both, Split::Dev) - 0.5).abs() < 0.01);
        assert!((share(both, Split::Test) - 0.2).abs() < 0.01);
    }

    #[test]
    fn a_larger_fraction_only_adds_rows() {
        let dev = |id: &str, fraction: f64| parts(fraction, 0.3).split_of(id) == Split::Dev;
        let ids = (0..2_000).map(|id| id.to_string());
        assert!(ids.into_iter().all(|id| !dev(&id, 0.05) || dev(&id, 0.1)));
    }

    #[test]
    fn the_choice_never_changes() {
        let dev = |id: &u32| parts(0.1, 0.1).split_of(&id.to_string()) == Split::Dev;
        let chosen: Vec<u32> = (0..60).filter(dev).collect();
        assert_eq!(chosen, [6, 14, 15, 25, 27, 31, 39, 47, 48, 54, 56, 57]);
    }
}
