//! Which rows of train become dev.

use sha2::{Digest, Sha256};

/// Part of every hash, so that this choice is independent of any other hash of the same ids. Changing it
/// changes every dev split that was ever made.
const SALT: &[u8] = b"bertline dev split 1\n";

/// Whether the example belongs to the `fraction` of train that becomes dev. It depends on the id alone, so
/// rows that are added or taken away move no other row.
pub(crate) fn is_dev(example_id: &str, fraction: f64) -> bool {
    let digest = Sha256::new().chain_update(SALT).chain_update(example_id).finalize();
    let position = digest.iter().take(8).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    (position as f64) < fraction * 2_f64.powi(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(fraction: f64) -> f64 {
        let chosen = (0..20_000).filter(|id| is_dev(&id.to_string(), fraction)).count();
        chosen as f64 / 20_000.0
    }

    #[test]
    fn the_fraction_is_met() {
        assert!((share(0.05) - 0.05).abs() < 0.005);
        assert!((share(0.5) - 0.5).abs() < 0.01);
    }

    #[test]
    fn a_larger_fraction_only_adds_rows() {
        let ids = (0..2_000).map(|id| id.to_string());
        assert!(ids.into_iter().all(|id| !is_dev(&id, 0.05) || is_dev(&id, 0.1)));
    }

    #[test]
    fn the_choice_never_changes() {
        let chosen: Vec<u32> = (0..60).filter(|id| is_dev(&id.to_string(), 0.1)).collect();
        assert_eq!(chosen, [6, 14, 15, 25, 27, 31, 39, 47, 48, 54, 56, 57]);
    }
}
