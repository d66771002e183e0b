//! Unigram by Viterbi search: the most probable sequence of pieces (Kudo, 2018, <https://arxiv.org/abs/1804.10959>).

use tokenizers::models::unigram::Unigram;

use super::trie::Trie;

/// The difference between the log probability of the least probable piece and that of an unknown character.
const UNKNOWN_PENALTY: f64 = 10.0;

/// The pieces of a [`Unigram`] model with their log probabilities.
pub(super) struct Viterbi {
    trie: Trie,
    /// The log probabilities by id.
    scores: Vec<f64>,
    unknown: u32,
    unknown_score: f64,
}

/// The last piece of the best segmentation that ends at a position, and the score of that segmentation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    score: f64,
    start: usize,
    id: u32,
}

impl Viterbi {
    /// None where the model encodes unknown characters as bytes, or samples segmentations.
    pub(super) fn new(model: &Unigram, unknown: u32) -> Option<Viterbi> {
        if model.byte_fallback() || model.alpha.is_some_and(|alpha| alpha != 0.0) {
            return None;
        }
        let scores: Vec<f64> = model.iter().map(|(_, score)| *score).collect();
        Some(Viterbi {
            trie: Trie::new(model.iter().map(|(token, _)| token.as_str()).zip(0..)),
            unknown,
            unknown_score: scores.iter().copied().fold(f64::INFINITY, f64::min) - UNKNOWN_PENALTY,
            scores,
        })
    }

    /// Appends the ids of `word`. Consecutive unknown characters become one unknown token. `arrivals` is a buffer.
    pub(super) fn encode(&self, word: &[char], arrivals: &mut Vec<Option<Arrival>>, ids: &mut Vec<u32>) {
        self.search(word, arrivals);
        let before = ids.len();
        let mut end = word.len();
        let mut unknown_end = None;
        while let Some(&Some(Arrival { start, id, .. })) = arrivals.get(end).filter(|_| end > 0) {
            if id == self.unknown {
                unknown_end.get_or_insert(end);
            } else {
                ids.extend(unknown_end.take().map(|until| self.fused(&word[end..until])));
                ids.push(id);
            }
            end = start;
        }
        ids.extend(unknown_end.map(|until| self.fused(&word[..until])));
        ids[before..].reverse();
    }

    /// Fills `arrivals` by position. Scores are summed and compared in the order of the library, so that ties are resolved
    /// as there.
    fn search(&self, word: &[char], arrivals: &mut Vec<Option<Arrival>>) {
        arrivals.clear();
        arrivals.resize(word.len() + 1, None);
        for start in 0..word.len() {
            let here = arrivals[start].map_or(0.0, |arrival| arrival.score);
            let mut arrive = |length: usize, id: u32, score: f64| {
                let arrival = Arrival { score: score + here, start, id };
                let best = &mut arrivals[start + length];
                if best.is_none_or(|best| arrival.score > best.score) {
                    *best = Some(arrival);
                }
            };
            let mut is_known = false;
            for (length, id) in self.trie.prefixes(&word[start..]) {
                arrive(length, id, self.scores[id as usize]);
                is_known |= length == 1;
            }
            if !is_known {
                arrive(1, self.unknown, self.unknown_score);
            }
        }
    }

    /// The id of consecutive unknown characters: that of the token with this text if there is one.
    fn fused(&self, unknown: &[char]) -> u32 {
        self.trie.get(unknown).unwrap_or(self.unknown)
    }
}
