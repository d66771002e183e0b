//! What a model says of a whole dataset.

use std::ops::ControlFlow;

use anyhow::Result;

use crate::batch::Batch;
use crate::classifier::SequenceClassifier;
use crate::dataset::Dataset;

impl SequenceClassifier {
    /// The logits of every row, in the order of the rows, computed in batches of like lengths. `between` is told the
    /// number of rows after each batch, and may end it.
    pub fn all_logits(
        &self,
        dataset: &Dataset,
        batch_size: usize,
        mut between: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Vec<Vec<f32>>>> {
        let mut all = vec![Vec::new(); dataset.len()];
        for rows in dataset.by_length(batch_size) {
            let batch = Batch::new(dataset.select(&rows), self.config())?;
            for (&row, logits) in rows.iter().zip(self.logits(&batch)?) {
                all[row] = logits;
            }
            if between(rows.len()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(all))
    }
}
