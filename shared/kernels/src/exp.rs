//! The exponential function, in a form that compilers vectorize.

/// `e^x` for `-87 ≤ x ≤ 0` to a unit in the last place, and 0 below: 2 to a whole power times a polynomial (Cephes'
/// `expf`), without branches, so that the compiler vectorizes loops over it. A NaN stays a NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding it rounds to a whole number, which stands in the sum's low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const TERMS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    // Zero, not e^-87: a factor would make a denormal number of that, which takes a processor many times as long.
    let vanishes = x < -87.0;
    let x = if vanishes { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * LN_2[0] - whole * LN_2[1];
    let series = TERMS.iter().fold(0.0, |series, term| series * rest + term);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000));
    if vanishes { 0.0 } else { (series * rest * rest + rest + 1.0) * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_a_unit_in_the_last_place() {
        for thousandth in 0..87_000 {
            let x = thousandth as f32 * -1e-3;
            let expect = f64::from(x).exp();
            let error = (f64::from(exp(x)) / expect - 1.0).abs();
            assert!(error < 2e-7, "exp({x}) is off by {error}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::MIN), 0.0);
        assert!(exp(f32::NAN).is_nan());
    }
}
