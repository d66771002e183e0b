//! Spellings of labels: normalization, likeness and order.

use std::borrow::Cow;
use std::cmp::Ordering;

use icu_normalizer::ComposingNormalizerBorrowed;

/// `text` in Unicode's form NFC. macOS and some databases write Hangul in NFD, which looks the same.
pub fn composed(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// The spelling by which a label is known: in NFC, without white space at its ends, and as an integer where a
/// whole number has zeros after its point, as pandas writes integers of a column with gaps.
pub fn of_label(label: &str) -> Cow<'_, str> {
    match composed(label) {
        Cow::Borrowed(label) => Cow::Borrowed(without_zeros(label.trim())),
        Cow::Owned(label) => Cow::Owned(without_zeros(label.trim()).to_owned()),
    }
}

fn without_zeros(label: &str) -> &str {
    match label.split_once('.') {
        Some((whole, zeros))
            if is_integer(whole) && is_digits(zeros) && zeros.trim_matches('0').is_empty() =>
        {
            whole
        }
        _ => label,
    }
}

/// Equal for labels that differ by case, spacing, characters that are not seen, compatible forms (`Ａ`) or the
/// way to write a number (`01`) alone.
pub fn likeness(label: &str) -> String {
    if let Some(number) = number(label) {
        return number.to_string();
    }
    let compatible = ComposingNormalizerBorrowed::new_nfkc().normalize(label);
    let seen = |c: &char| {
        !c.is_whitespace() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
    };
    compatible.chars().filter(seen).flat_map(char::to_lowercase).collect()
}

/// Numbers by their values, before all other labels.
pub fn order(left: &str, right: &str) -> Ordering {
    match (number(left), number(right)) {
        (Some(a), Some(b)) => a.total_cmp(&b).then_with(|| left.cmp(right)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// The number that `label` writes in decimal digits.
pub fn number(label: &str) -> Option<f64> {
    let (whole, fraction) = label.split_once('.').unwrap_or((label, "0"));
    let number: f64 = (is_integer(whole) && is_digits(fraction)).then(|| label.parse().ok())??;
    // There is one zero.
    Some(number + 0.0)
}

fn is_integer(text: &str) -> bool {
    is_digits(text.strip_prefix(['-', '+']).unwrap_or(text))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_one_spelling() {
        let check = |label: &str, expect: &str| assert_eq!(of_label(label), expect);
        check("긍정", "긍정");
        check("\u{1100}\u{1173}\u{11bc}\u{110c}\u{1165}\u{11bc}", "긍정");
        check(" a b\u{3000}", "a b");
        check("1.0", "1");
        check(" -12.00 ", "-12");
        for label in ["1.5", "1.", ".0", "1.0.0", "v1.0", "1.0e0", "01", "a.0"] {
            check(label, label);
        }
    }

    #[test]
    fn labels_that_look_alike_are_found() {
        let check = |left: &str, right: &str, expect: bool| {
            assert_eq!(likeness(left) == likeness(right), expect, "{left} and {right}");
        };
        check("Positive", "positive", true);
        check("A b", "Ａb", true);
        check("a\u{200b}", "a", true);
        check("01", "1", true);
        check("-0", "0", true);
        check("1", "2", false);
        check("a-b", "ab", false);
        check("긍정", "부정", false);
    }

    #[test]
    fn numbers_are_sorted_by_value() {
        let mut labels = ["b", "10", "2", "a", "-1", "1.5", "02", "LABEL_2", "LABEL_10"];
        labels.sort_by(|a, b| order(a, b));
        assert_eq!(labels, ["-1", "1.5", "02", "2", "10", "LABEL_10", "LABEL_2", "a", "b"]);
    }
}
