//! The outputs of a model: the crate `models` computes them, and the crate `tasks` decodes them.

/// What a model gives for a row of features.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Of a sequence as many as there are labels; of tokens `[seq, labels]`; of a span `[2, seq]`, starts first, with
    /// padding behind the tokens where the loss counts it.
    Logits(Vec<f32>),
    /// What was found behind every mask.
    Masked(Vec<MaskedToken>),
    /// For every mask that stands in the text itself the best tokens, the best first.
    Candidates(Vec<Vec<TokenGuess>>),
}

impl Output {
    /// Empty, where there are none.
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
    pub truth: i64,
    pub predicted: i64,
    /// Of the truth, in nats.
    pub log_probability: f32,
}

/// A token of the vocabulary that may stand behind a mask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenGuess {
    pub id: i64,
    pub probability: f32,
}
