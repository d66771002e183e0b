//! Reads the log probabilities of a Unigram vocabulary with the rounding of the Python package `tokenizers`.
//!
//! The package is built with a `serde_json` whose floats may differ in the last bit. That bit decides between two
//! segmentations of a word whose probabilities are equal in the file. This workspace reads floats exactly, since its
//! manifests must round-trip. This module therefore repeats the operations of the inexact reader.
//!
//! It starts from the shortest text of an exact float, which is the text that `tokenizers` and Python write.

use anyhow::{Context, Error, Result};
use tokenizers::Tokenizer;
use tokenizers::models::ModelWrapper;
use tokenizers::models::unigram::Unigram;

/// Replaces the scores of a Unigram model by those of the inexact reader. Other models stay unchanged.
pub(crate) fn read_inexactly(tokenizer: &mut Tokenizer, unknown: Option<u32>) -> Result<()> {
    let ModelWrapper::Unigram(exact) = tokenizer.get_model() else { return Ok(()) };
    let piece = |(piece, score): &(String, f64)| Some((piece.clone(), inexact(&format!("{score:?}"))?));
    let pieces: Option<Vec<(String, f64)>> = exact.iter().map(piece).collect();
    let unknown = unknown.map(|id| id as usize);
    let model =
        Unigram::from(pieces.context("a score beyond the range of floats")?, unknown, exact.byte_fallback());
    tokenizer.with_model(model.map_err(|error| Error::msg(error.to_string()))?);
    Ok(())
}

/// Reads a number as `serde_json` without its feature `float_roundtrip` does: the first 19 or 20 digits as an integer,
/// multiplied or divided by a power of ten. None beyond the range of floats.
fn inexact(number: &str) -> Option<f64> {
    let (sign, digits) = number.strip_prefix('-').map_or((1.0, number), |digits| (-1.0, digits));
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut significand = 0_u64;
    let mut shift = 0;
    let mut is_full = false;
    for (digit, is_fraction) in
        whole.bytes().map(|digit| (digit, false)).chain(fraction.bytes().map(|digit| (digit, true)))
    {
        let appended = significand.checked_mul(10).and_then(|ten| ten.checked_add(u64::from(digit - b'0')));
        match appended.filter(|_| !is_full) {
            Some(more) => {
                significand = more;
                shift -= i32::from(is_fraction);
            }
            None => {
                is_full = true;
                shift += i32::from(!is_fraction);
            }
        }
    }
    scaled(significand as f64, shift.checked_add(exponent)?).map(|value| sign * value)
}

/// `value` times ten to the power of `exponent`.
fn scaled(mut value: f64, mut exponent: i32) -> Option<f64> {
    const LARGEST: i32 = 308;
    while exponent < -LARGEST && value != 0.0 {
        value /= 1e308;
        exponent += LARGEST;
    }
    let power = |exponent: i32| format!("1e{exponent}").parse::<f64>().ok();
    let value = match exponent {
        _ if value == 0.0 => value,
        exponent if exponent > LARGEST => return None,
        exponent if exponent >= 0 => value * power(exponent)?,
        exponent => value / power(-exponent)?,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: &str, expect: f64) {
        assert_eq!(inexact(number).map(f64::to_bits), Some(expect.to_bits()), "{number}");
    }

    #[test]
    fn short_numbers_are_exact() {
        check("0", 0.0);
        check("-1", -1.0);
        check("-13.5", -13.5);
        check("0.1", 0.1);
        check("2.5e3", 2500.0);
        check("-1E-2", -0.01);
    }

    /// The expected values are those of the Python package.
    #[test]
    fn long_numbers_round_as_in_the_python_package() {
        check("-7.4715776443481445", -7.471577644348144);
        check("-7.7708048820495605", -7.77080488204956);
        check("-9.5", -9.5);
    }
}
