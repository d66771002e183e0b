//! Examples to rows of features, many at once.

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use shared::fault::Fault;
use shared::schema::Example;
use shared::task::{Definition, Encoded, Setting};

use crate::{BoundedTokenizer, Session};

impl BoundedTokenizer {
    /// The rows of each of `examples`, as `task` has them: of a long text there are several, of an empty one there may
    /// be none. Encodes in parallel, on the current thread pool.
    ///
    /// # Errors
    /// Of the first example that fails, with its id.
    pub fn encode_all(
        &self,
        task: &dyn Definition,
        setting: &Setting,
        examples: &[Example],
    ) -> Result<Vec<Vec<Encoded>>> {
        let encode = |session: &mut Session<'_>, example: &Example| {
            let in_example = || format!("example {}", example.example_id);
            let rows = task.encode(example, setting, session).with_context(in_example)?;
            ensure!(
                rows.iter().all(|row| !row.features.input_ids.is_empty()),
                Fault::input(format!(
                    "example {} has no tokens: its text gives none, and the tokenizer adds no special tokens; \
                     leave it out",
                    example.example_id
                ))
            );
            Ok(rows)
        };
        // Collected before the errors are looked at, so that the first one in order is reported every time.
        let outcomes: Vec<Result<Vec<Encoded>>> =
            examples.par_iter().map_init(|| self.session(), encode).collect();
        outcomes.into_iter().collect()
    }
}
