//! The outputs of a model for a whole dataset.

use std::ops::ControlFlow;

use anyhow::Result;
use burn::module::Module;
#[cfg(feature = "libtorch")]
use shared::config::Precision;
use shared::fault::OutOfMemory;
use shared::model_output::Output;

use crate::data::dataset::Dataset;
#[cfg(feature = "libtorch")]
use crate::device::Implementation;
use crate::memory::catch_exhaustion;
use crate::model::Model;

/// The epoch whose masks a dataset has in an evaluation.
const EPOCH: u64 = 0;

impl Model {
    /// The model for inference alone. It may share parameters with this one, so it must be dropped before the next step. It can
    /// be neither saved nor prepared again, because some of its weights may be packed for products.
    pub fn for_inference(&self) -> Model {
        let network = self.network.valid();
        #[cfg(feature = "libtorch")]
        let network = match self.compute.implementation {
            Implementation::Fused(Precision::Bf16) => crate::autograd::prepack(network, &self.names),
            Implementation::Fused(Precision::F32) | Implementation::Plain => network,
        };
        Model {
            network,
            config: self.config.clone(),
            names: self.names.clone(),
            compute: self.compute.clone(),
        }
    }

    /// Computes the output of every row; outputs have the order of the rows. Batches hold rows of like length, and are halved
    /// where memory runs out. Masks are the same in every evaluation. `between` gets the number of rows after each batch and may
    /// end the computation.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it does not suffice for a single row.
    pub fn all_outputs(
        &self,
        dataset: &Dataset,
        mut batch_size: usize,
        mut between: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Vec<Output>>> {
        let mut all = vec![Output::Logits(Vec::new()); dataset.len()];
        let order = dataset.by_length();
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let (rows, after) = rest.split_at(batch_size.min(rest.len()));
            let batch = dataset.batch(rows, self.config(), EPOCH)?;
            let outputs = match catch_exhaustion(|| self.outputs(&batch)) {
                Err(error) if error.is::<OutOfMemory>() && rows.len() > 1 => {
                    batch_size = rows.len().div_ceil(2);
                    log::warn!(
                        "memory is exhausted with {} examples at once: from here on {batch_size}",
                        rows.len()
                    );
                    continue;
                }
                outputs => outputs?,
            };
            for (&row, output) in rows.iter().zip(outputs) {
                all[row] = output;
            }
            rest = after;
            if between(rows.len()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(all))
    }
}
