//! Probabilities from logits.

/// The index of the largest value; the first one among equal values.
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// The softmax of `logits`: `[n]` probabilities that sum to 1.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    log_softmax(logits).into_iter().map(|value| value.exp() as f32).collect()
}

/// The sigmoid of each of `logits`: `[n]` independent probabilities.
pub fn sigmoid(logits: &[f32]) -> Vec<f32> {
    logits.iter().map(|&logit| (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32).collect()
}

/// The natural logarithms of [`softmax`], in float64.
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().fold(f64::NEG_INFINITY, |max, &logit| max.max(logit.into()));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - max).exp()).sum();
    logits.iter().map(|&logit| f64::from(logit) - max - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_logits_do_not_overflow() {
        assert_eq!(softmax(&[1e6, 0.0]), [1.0, 0.0]);
        assert_eq!(sigmoid(&[1e6, 0.0, -1e6]), [1.0, 0.5, 0.0]);
    }

    #[test]
    fn argmax_is_the_first_of_equal_values() {
        assert_eq!(argmax(&[0.0, 2.0, 2.0]), 1);
    }
}
