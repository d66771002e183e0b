//! The maximum size of a batch.

/// The batch size if neither `batch_size` nor `batch_tokens` is set.
const DEFAULT_ROWS: usize = 32;

/// The maximum size of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    /// The maximum number of examples.
    pub rows: usize,
    /// The maximum number of tokens, padding included; none means no limit.
    pub tokens: Option<usize>,
}

impl BatchLimit {
    pub(super) fn of(batch_size: Option<usize>, batch_tokens: Option<usize>) -> BatchLimit {
        let otherwise = if batch_tokens.is_some() { usize::MAX } else { DEFAULT_ROWS };
        BatchLimit { rows: batch_size.unwrap_or(otherwise), tokens: batch_tokens }
    }

    /// The maximum number of examples if the longest has `length` tokens; at least one.
    pub fn rows_of(self, length: usize) -> usize {
        let fitting = self.tokens.map_or(usize::MAX, |tokens| tokens / length.max(1));
        fitting.clamp(1, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_tokens_limit_a_batch() {
        let check = |batch_size, batch_tokens, length, expect| {
            assert_eq!(BatchLimit::of(batch_size, batch_tokens).rows_of(length), expect);
        };
        check(None, None, 100, 32);
        check(Some(8), None, 100, 8);
        check(None, Some(1000), 10, 100);
        check(None, Some(1000), 11, 90);
        check(Some(50), Some(1000), 10, 50);
        check(Some(50), Some(1000), 100, 10);
        check(None, Some(1000), 1001, 1);
    }
}
