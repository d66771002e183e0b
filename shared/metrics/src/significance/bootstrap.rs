//! The bootstrap: rows are resampled with replacement to measure how much a statistic varies.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

/// The parameters of the bootstrap. A seed gives the same result on any number of threads, because every resample has its own
/// random stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// The number of resamples.
    pub resamples: u32,
    /// The seed of the random draws.
    pub seed: u64,
}

/// A 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// The difference between two runs on the same rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The interval of the difference.
    pub interval: Interval,
    /// The two-sided p-value: the probability of a difference at least as far from 0 if the runs were equally good.
    pub p_value: f64,
}

impl Bootstrap {
    /// The percentile interval (Efron & Tibshirani, 1993, chapter 13) of a statistic of `rows` rows.
    ///
    /// `statistic` takes the indices of the drawn rows, `[rows]`. It gives none if it has no value on them, such as a
    /// correlation of equal values; that resample is left out. None if no resample has a value.
    pub fn interval(
        &self,
        rows: usize,
        statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Option<Interval> {
        interval(&self.sorted(rows, statistic))
    }

    /// The paired bootstrap (Koehn, 2004): `difference` gives the statistic of one run minus that of the other, both on the
    /// same drawn rows.
    ///
    /// The p-value is two-sided: twice the smaller share of resamples on either side of 0. One resample is added to each count,
    /// so that it is never 0 (Davison & Hinkley, 1997, section 4.2). None if no resample has a value.
    pub fn difference(
        &self,
        rows: usize,
        difference: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Option<Difference> {
        let values = self.sorted(rows, difference);
        let at_most_zero = values.partition_point(|value| *value <= 0.0);
        let at_least_zero = values.len() - values.partition_point(|value| *value < 0.0);
        let tail = at_most_zero.min(at_least_zero);
        let p_value = (2.0 * (tail + 1) as f64 / (values.len() + 1) as f64).min(1.0);
        Some(Difference { interval: interval(&values)?, p_value })
    }

    fn sorted(&self, rows: usize, statistic: impl Fn(&[usize]) -> Option<f64> + Sync) -> Vec<f64> {
        if rows == 0 {
            return Vec::new();
        }
        let resamples = (0..self.resamples).into_par_iter();
        let value_of = |drawn: &mut Vec<usize>, resample| {
            self.draw(rows, resample, drawn);
            statistic(drawn)
        };
        let values = resamples.map_init(Vec::new, value_of);
        let mut values: Vec<f64> = values.flatten_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn draw(&self, rows: usize, resample: u32, drawn: &mut Vec<usize>) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(resample.into());
        drawn.clear();
        drawn.extend((0..rows).map(|_| random.random_range(0..rows)));
    }
}

fn interval(sorted: &[f64]) -> Option<Interval> {
    Some(Interval { low: quantile(sorted, 0.025)?, high: quantile(sorted, 0.975)? })
}

/// The quantile of sorted values, interpolated linearly, as in `numpy.quantile` by default.
fn quantile(sorted: &[f64], fraction: f64) -> Option<f64> {
    let place = fraction * sorted.len().checked_sub(1)? as f64;
    let below = sorted.get(place.floor() as usize)?;
    let above = sorted.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTSTRAP: Bootstrap = Bootstrap { resamples: 2000, seed: 7 };

    fn mean_of(values: &[f64], drawn: &[usize]) -> Option<f64> {
        Some(drawn.iter().map(|row| values[*row]).sum::<f64>() / drawn.len() as f64)
    }

    fn check_quantile(sorted: &[f64], fraction: f64, expect: f64) {
        assert!((quantile(sorted, fraction).unwrap() - expect).abs() < 1e-12, "{fraction} of {sorted:?}");
    }

    #[test]
    fn quantiles_equal_those_of_numpy() {
        check_quantile(&[1.0, 2.0, 4.0], 0.5, 2.0);
        check_quantile(&[1.0, 2.0, 4.0], 0.75, 3.0);
        check_quantile(&[1.0, 2.0, 4.0, 8.0], 0.025, 1.075);
        check_quantile(&[3.0], 0.975, 3.0);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_interval_of_a_mean_is_near_the_normal_one() {
        let values: Vec<f64> = (0..400).map(|row| f64::from(u8::from(row % 4 != 0))).collect();
        let interval = BOOTSTRAP.interval(values.len(), |drawn| mean_of(&values, drawn)).unwrap();
        let half = 1.96 * (0.75f64 * 0.25 / 400.0).sqrt();
        assert!((interval.low - (0.75 - half)).abs() < 0.006, "{interval:?}");
        assert!((interval.high - (0.75 + half)).abs() < 0.006, "{interval:?}");
    }

    #[test]
    fn the_result_depends_on_the_seed_and_not_on_threads() {
        let values: Vec<f64> = (0..50).map(f64::from).collect();
        let on = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let bootstrap = Bootstrap { resamples: 200, seed };
            pool.install(|| bootstrap.interval(values.len(), |drawn| mean_of(&values, drawn)))
        };
        assert_eq!(on(1, 7), on(3, 7));
        assert_ne!(on(1, 7), on(1, 8));
    }

    #[test]
    fn resamples_without_a_value_are_left_out() {
        let odd = |drawn: &[usize]| (drawn[0] % 2 == 1).then(|| drawn[0] as f64);
        let interval = BOOTSTRAP.interval(2, odd).unwrap();
        assert_eq!(interval, Interval { low: 1.0, high: 1.0 });
        assert_eq!(BOOTSTRAP.interval(2, |_| None), None);
        assert_eq!(BOOTSTRAP.interval(0, |_| Some(1.0)), None);
    }

    fn check_difference(differences: &[f64], p_value: std::ops::RangeInclusive<f64>) {
        let difference =
            BOOTSTRAP.difference(differences.len(), |drawn| mean_of(differences, drawn)).unwrap();
        assert!(p_value.contains(&difference.p_value), "{difference:?}");
    }

    #[test]
    fn runs_that_differ_have_a_small_p_value() {
        check_difference(&[0.0; 20], 1.0..=1.0);
        check_difference(&[1.0; 20], 0.0..=0.001);
        check_difference(&[-1.0; 20], 0.0..=0.001);
        let even: Vec<f64> = (0..100).map(|row| f64::from(row % 2) - 0.5).collect();
        check_difference(&even, 0.8..=1.0);
        // z = 2: the p-value of a normal distribution is 0.0455.
        let better: Vec<f64> = (0..100).map(|row| if row % 5 < 3 { 1.0 } else { -1.0 }).collect();
        check_difference(&better, 0.02..=0.08);
    }
}
