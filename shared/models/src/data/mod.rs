//! Data: features in memory, batches, masks and targets.

pub(crate) mod batch;
pub(crate) mod dataset;
pub(crate) mod masking;
pub(crate) mod targets;
