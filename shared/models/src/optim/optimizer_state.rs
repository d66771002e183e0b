//! The optimizer's moments as a file, beside the model's.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::{Tensor, TensorData};
use shared::fault::Fault;

use crate::model::Model;
use crate::optim::adamw::{AdamW, Moments};
use crate::weights::files::{self, StoredTensor};

/// The names that `torch.optim.AdamW` gives them.
const FIRST: &str = "exp_avg";
const SECOND: &str = "exp_avg_sq";

impl AdamW {
    /// Writes the moments of every parameter of `model` that has been trained to `path`.
    pub fn save(&self, model: &Model, path: &Path) -> Result<()> {
        let mut tensors = BTreeMap::new();
        for (&id, Moments { first, second }) in &self.moments {
            let name = model.names.of(id)?;
            for (kind, moment) in [(FIRST, first), (SECOND, second)] {
                tensors.insert(format!("{kind}.{name}"), StoredTensor::of(moment.clone()));
            }
        }
        files::write(path, &tensors)
    }

    /// Restores the moments in `path`, those after `steps` steps of `model`.
    ///
    /// # Errors
    /// A [`Fault::input`] where the file is damaged or of another model.
    pub fn restore(&mut self, model: &Model, path: &Path, steps: u64) -> Result<()> {
        let of_another = || Fault::input(format!("{} is of another model", path.display()));
        let mut tensors = files::read_safetensors(path)?;
        let device = model.compute.device.clone().inner();
        let mut take = |kind: &str, name: &str| -> Result<Option<Tensor<1>>> {
            let Some(stored) = tensors.remove(&format!("{kind}.{name}")) else { return Ok(None) };
            let values = stored.values()?;
            let shape = [values.len()];
            Ok(Some(Tensor::from_data(TensorData::new(values, shape), &device)))
        };
        let mut moments = std::collections::HashMap::new();
        for (id, name) in model.names.all() {
            if let (Some(first), Some(second)) = (take(FIRST, name)?, take(SECOND, name)?) {
                moments.insert(id, Moments { first, second });
            }
        }
        anyhow::ensure!(tensors.is_empty(), of_another());
        self.steps = i32::try_from(steps).with_context(of_another)?;
        self.moments = moments;
        Ok(())
    }
}
