//! Aggregation of token tags to words, as `aggregation_strategy` of `TokenClassificationPipeline` in `transformers`.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Result;
use metrics::entities::TagSet;
use shared::config::Aggregation;
use shared::schema::Offset;

use super::Tagged;

/// The aggregation of tokens to words and of their tags.
#[derive(Debug, Clone)]
pub struct TokenReading {
    /// The strategy.
    pub aggregation: Aggregation,
    /// The ids of tokens that continue a word, if the vocabulary marks them. Without them, a token with no space before it
    /// continues a word.
    pub continuing: Option<Arc<HashSet<i32>>>,
    /// The id of the unknown token, which always begins a word.
    pub unknown: Option<i32>,
}

/// A token of the text with the probabilities of its tags, `[tags]`.
pub(super) struct Token {
    pub(super) id: i32,
    pub(super) place: Offset,
    pub(super) probabilities: Vec<f32>,
}

impl TokenReading {
    /// The tagged units: tokens for [`Aggregation::Simple`], else words.
    pub(super) fn units(&self, tokens: &[Token], text: &str, set: &TagSet) -> Result<Vec<Tagged>> {
        let spaces: HashSet<usize> =
            text.chars().enumerate().filter(|(_, character)| *character == ' ').map(|(at, _)| at).collect();
        let continues = |token: &Token| self.continues(token, &spaces);
        let words: Vec<&[Token]> = match self.aggregation {
            Aggregation::Simple => tokens.chunks(1).collect(),
            _ => tokens.chunk_by(|_, next| continues(next)).collect(),
        };
        let unit = |word: &&[Token]| {
            let (Some(first), Some(last)) = (word.first(), word.last()) else { return None };
            let place = Offset { start: first.place.start, end: last.place.end };
            Some(Tagged::new(place, &self.probabilities(word, first), set))
        };
        words.iter().filter_map(unit).collect()
    }

    fn continues(&self, token: &Token, spaces: &HashSet<usize>) -> bool {
        if Some(token.id) == self.unknown {
            return false;
        }
        match (&self.continuing, usize::try_from(token.place.start)) {
            (Some(continuing), _) => continuing.contains(&token.id),
            (None, Ok(start)) => start > 0 && !spaces.contains(&(start - 1)) && !spaces.contains(&start),
            (None, Err(_)) => false,
        }
    }

    fn probabilities(&self, word: &[Token], first: &Token) -> Vec<f32> {
        let best = |token: &Token| token.probabilities.iter().copied().fold(0.0, f32::max);
        match self.aggregation {
            Aggregation::Simple | Aggregation::First => first.probabilities.clone(),
            Aggregation::Max => {
                // The first of equally confident tokens wins, as in `transformers`.
                let surest = word.iter().fold(
                    first,
                    |surest, next| {
                        if best(next) > best(surest) { next } else { surest }
                    },
                );
                surest.probabilities.clone()
            }
            Aggregation::Average => {
                let sum =
                    |tag: usize| word.iter().filter_map(|token| token.probabilities.get(tag)).sum::<f32>();
                (0..first.probabilities.len()).map(|tag| sum(tag) / word.len() as f32).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests;
