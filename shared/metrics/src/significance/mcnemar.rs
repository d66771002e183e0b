//! McNemar's test of two classifiers, on the rows that only one of them predicts correctly.

/// The least number of rows that only one run predicts correctly for which the chi-squared approximation is good enough
/// (Edwards, 1948).
const EXACT_BELOW: u64 = 25;

/// The two-sided p-value of McNemar's test (1947), from the number of rows that only the first run predicts correctly and the
/// number that only the second does.
///
/// It is the exact binomial test up to 24 such rows, and chi-squared with continuity correction from 25. Equal counts have a
/// p-value of 1, as in `mcnemar.test` of R.
pub fn mcnemar(only_first: u64, only_second: u64) -> f64 {
    let rows = only_first.saturating_add(only_second);
    let fewer = only_first.min(only_second);
    if rows < EXACT_BELOW {
        return exact(rows, fewer);
    }
    let distance = only_first.abs_diff(only_second).saturating_sub(1) as f64;
    let chi_squared = distance * distance / rows as f64;
    // The upper tail of the chi-squared distribution with one degree of freedom.
    libm::erfc((chi_squared / 2.0).sqrt())
}

/// Twice the probability of at most `fewer` heads in `rows` throws of a fair coin.
fn exact(rows: u64, fewer: u64) -> f64 {
    let mut ways = 1.0;
    let mut sum = 0.0;
    for heads in 0..=fewer {
        sum += ways;
        ways *= (rows - heads) as f64 / (heads + 1) as f64;
    }
    (2.0 * sum / 2f64.powi(rows as i32)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(only_first: u64, only_second: u64, expect: f64) {
        for value in [mcnemar(only_first, only_second), mcnemar(only_second, only_first)] {
            assert!((value - expect).abs() < 1e-9, "{value} of {only_first} and {only_second}");
        }
    }

    #[test]
    fn few_rows_are_tested_exactly() {
        check(0, 0, 1.0);
        check(1, 1, 1.0);
        check(0, 5, 2.0 / 32.0);
        check(1, 5, 14.0 / 64.0);
        check(12, 12, 1.0);
    }

    #[test]
    fn many_rows_are_tested_by_chi_squared() {
        // Agresti's approval ratings: (|150 - 86| - 1)² / 236 = 16.8178.
        check(150, 86, 0.000_041_146_562_51);
        check(20, 20, 1.0);
        check(20, 21, 1.0);
    }
}
