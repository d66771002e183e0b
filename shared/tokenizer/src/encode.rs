//! Parallel encoding of examples.

use anyhow::Result;
use rayon::prelude::*;
use shared::tokens::Tokenizer;

use crate::BoundedTokenizer;

impl BoundedTokenizer {
    /// Encodes `items` with `encode`, in parallel on the current thread pool. The results are in the order of the items.
    ///
    /// # Errors
    /// The error of the first item that fails.
    pub fn encode_all<T: Sync, R: Send>(
        &self,
        items: &[T],
        encode: impl Fn(&T, &mut dyn Tokenizer) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        // All results are collected first, so that the first error in the order of items is reported every time.
        let outcomes: Vec<Result<R>> =
            items.par_iter().map_init(|| self.session(), |session, item| encode(item, session)).collect();
        outcomes.into_iter().collect()
    }
}
