//! The outputs of a model: the crate `models` computes them, and the crate `tasks` decodes them.

/// The output of a model for a row of features.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// `[labels]` for a text; `[seq, labels]` for tokens; `[2, seq]` for a span, start logits first. `seq` includes padding if
    /// the loss counts it.
    Logits(Vec<f32>),
    /// The prediction at every masked token.
    Masked(Vec<MaskedToken>),
    /// The best tokens for every mask token of the text itself, the best first.
    Candidates(Vec<Vec<TokenGuess>>),
}

impl Output {
    /// The logits; empty for another kind of output.
    pub fn logits(&self) -> &[f32] {
        match self {
            Output::Logits(logits) => logits,
            Output::Masked(_) | Output::Candidates(_) => &[],
        }
    }
}

/// A guess at a masked token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskedToken {
    /// In the row.
    pub position: usize,
    /// The id of the true token.
    pub truth: i64,
    /// The id of the predicted token.
    pub predicted: i64,
    /// Log-probability of the true token, in nats.
    pub log_probability: f32,
}

/// A token of the vocabulary as a candidate for a mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenGuess {
    /// The id of the token.
    pub id: i64,
    /// Its probability.
    pub probability: f32,
}
