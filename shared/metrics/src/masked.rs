//! Metrics of masked language models.

use super::counts::ratio;

/// Sums over masked tokens, accumulated batch by batch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TokenScores {
    loss: f64,
    correct: u64,
    tokens: u64,
}

impl TokenScores {
    /// Adds a batch of `tokens` masked tokens: the sum of their cross-entropies in nats, and the number of correct predictions.
    pub fn add(&mut self, loss: f64, correct: u64, tokens: u64) {
        self.loss += loss;
        self.correct += correct;
        self.tokens += tokens;
    }

    /// The number of masked tokens.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The mean cross-entropy in nats; none without masked tokens.
    pub fn loss(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.loss / self.tokens as f64)
    }

    /// `exp(loss)`; none without masked tokens. It conditions on the tokens on both sides, so it is not comparable with the
    /// perplexity of a left-to-right model.
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
    fn without_masked_tokens_there_is_no_perplexity() {
        let scores = TokenScores::default();
        assert_eq!((scores.loss(), scores.perplexity(), scores.accuracy()), (None, None, 0.0));
    }
}
