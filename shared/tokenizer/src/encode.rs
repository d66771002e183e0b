//! Encoding of many examples at once.

use anyhow::Result;
use rayon::prelude::*;
use shared::tokens::Tokenizer;

use crate::BoundedTokenizer;

impl BoundedTokenizer {
    /// Encodes each of `items` by `encode`, in parallel on the current thread pool; the results have their order.
    ///
    /// # Errors
    /// The error of the first item that fails.
    pub fn encode_all<T: Sync, R: Send>(
        &self,
        items: &[T],
        encode: impl Fn(&T, &mut dyn Tokenizer) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        // Collected before the errors are looked at, so that the first one in order is reported every time.
        let outcomes: Vec<Result<R>> =
            items.par_iter().map_init(|| self.session(), |session, item| encode(item, session)).collect();
        outcomes.into_iter().collect()
    }
}
