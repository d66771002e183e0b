//! The statistics of a split in the manifest.

use shared::metadata::SplitMetadata;
use shared::tokens::UnknownTokens;
use tasks::{Alignment, Encoded};

/// Counts over the rows of a split.
#[derive(Debug, Clone)]
pub(crate) struct Statistics {
    rows: u64,
    truncated: u64,
    pieces: u64,
    unknown: u64,
    alignment: Alignment,
    /// The number of rows by length in tokens.
    lengths: Vec<u64>,
}

impl Statistics {
    pub(crate) fn new(max_seq_length: usize) -> Statistics {
        Statistics {
            rows: 0,
            truncated: 0,
            pieces: 0,
            unknown: 0,
            alignment: Alignment::default(),
            lengths: vec![0; max_seq_length + 1],
        }
    }

    pub(crate) fn add(&mut self, encoded: &Encoded) {
        self.rows += 1;
        self.truncated += u64::from(encoded.truncated);
        self.pieces += encoded.pieces;
        self.unknown += encoded.unknown;
        self.alignment.marked += encoded.alignment.marked;
        self.alignment.exact += encoded.alignment.exact;
        if let Some(count) = self.lengths.get_mut(encoded.features.input_ids.len()) {
            *count += 1;
        }
    }

    pub(crate) fn mean_length(&self) -> f64 {
        let tokens: u64 = self.lengths.iter().zip(0..).map(|(count, length): (_, u64)| count * length).sum();
        ratio(tokens, self.rows)
    }

    /// Returns whether there are rows and none of them has a token other than special ones.
    pub(crate) fn is_without_tokens(&self) -> bool {
        self.rows > 0 && self.pieces == 0
    }

    pub(crate) fn unknown(&self) -> UnknownTokens {
        UnknownTokens { unknown: self.unknown, tokens: self.pieces }
    }

    /// A warning about entities and answers that tags of tokens cannot express exactly.
    pub(crate) fn misaligned(&self) -> Option<String> {
        let Alignment { marked, exact } = self.alignment;
        let share = 100.0 * ratio(marked - exact, marked);
        let reason = "begin or end inside a token, so that tags of tokens cannot express them exactly";
        (exact < marked)
            .then(|| format!("{} of {marked} marked spans ({share:.1} %) {reason}", marked - exact))
    }

    pub(crate) fn into_metadata(self, shards: usize) -> SplitMetadata {
        SplitMetadata {
            rows: self.rows,
            shards,
            truncation_rate: ratio(self.truncated, self.rows),
            unk_rate: ratio(self.unknown, self.pieces),
            length_histogram: self.lengths,
        }
    }
}

/// The ratio of two counts. It is 0 for an empty split, since JSON has no NaN.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::schema::{Features, Targets};

    fn encoded(length: usize, truncated: bool, unknown: u64) -> Encoded {
        let features = Features {
            example_id: "1".into(),
            input_ids: vec![0; length],
            token_type_ids: vec![0; length],
            targets: Targets::Class(0),
            offsets: Vec::new(),
        };
        let alignment = Alignment { marked: 2, exact: 2 - unknown };
        Encoded { features, truncated, pieces: length as u64 - 2, unknown, alignment }
    }

    #[test]
    fn rates_and_lengths_are_counted() {
        let mut statistics = Statistics::new(4);
        [encoded(2, false, 0), encoded(4, true, 1), encoded(4, false, 0), encoded(3, false, 0)]
            .iter()
            .for_each(|row| statistics.add(row));
        assert_eq!(statistics.mean_length(), 13.0 / 4.0);
        assert!(statistics.misaligned().unwrap().starts_with("1 of 8 marked spans (12.5 %) "));
        let metadata = statistics.into_metadata(1);
        assert_eq!((metadata.rows, metadata.length_histogram), (4, vec![0, 0, 1, 1, 2]));
        assert_eq!((metadata.truncation_rate, metadata.unk_rate), (0.25, 0.2));
    }

    #[test]
    fn a_split_without_pieces_is_without_tokens() {
        let mut statistics = Statistics::new(4);
        statistics.add(&encoded(2, false, 0));
        assert!(statistics.is_without_tokens());
        statistics.add(&encoded(3, false, 0));
        assert!(!statistics.is_without_tokens());
    }

    #[test]
    fn an_empty_split_has_rates_of_zero() {
        assert_eq!(Statistics::new(4).misaligned(), None);
        assert!(!Statistics::new(4).is_without_tokens());
        let metadata = Statistics::new(4).into_metadata(1);
        assert_eq!((metadata.truncation_rate, metadata.unk_rate), (0.0, 0.0));
    }
}
