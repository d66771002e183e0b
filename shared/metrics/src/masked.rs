//! Metrics of masked language models.

use super::counts::ratio;

/// Counts over predicted tokens, accumulated batch by batch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TokenScores {
    loss: f64,
    correct: u64,
    tokens: u64,
}

impl TokenScores {
    /// Adds a batch: the sum of its tokens' cross-entropies in nats, and how many of its tokens were right.
    pub fn add(&mut self, loss: f64, correct: u64, tokens: u64) {
        self.loss += loss;
        self.correct += correct;
        self.tokens += tokens;
    }

    /// The number of tokens.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Mean cross-entropy in nats; none where no token was to be predicted.
    pub fn loss(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.loss / self.tokens as f64)
    }

    /// `exp(loss)`: of masked tokens given the others, so not to be compared with a left-to-right model's.
    pub fn perplexity(&self) -> Option<f64> {
        self.loss().map(f64::exp)
    }

    /// The share of correct predictions; 0 without tokens.
    pub fn accuracy(&self) -> f64 {
        ratio(self.correct, self.tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_weigh_by_their_tokens() {
        let mut scores = TokenScores::default();
        scores.add(8f64.ln(), 1, 1);
        scores.add(3.0 * 2f64.ln(), 0, 3);
        assert!((scores.loss().unwrap() - 64f64.ln() / 4.0).abs() < 1e-12);
        assert!((scores.perplexity().unwrap() - 64f64.powf(0.25)).abs() < 1e-12);
        assert_eq!((scores.accuracy(), scores.tokens()), (0.25, 4));
    }

    #[test]
    fn nothing_masked_has_no_perplexity() {
        let scores = TokenScores::default();
        assert_eq!((scores.loss(), scores.perplexity(), scores.accuracy()), (None, None, 0.0));
    }
}
