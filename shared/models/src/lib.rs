//! BERT (Devlin et al., 2019, <https://arxiv.org/abs/1810.04805>) and ELECTRA, which has the same encoder, on burn,
//! computing what `transformers`' models of them compute, under the same weight names.

// burn's tensor dispatch nests deeper than the default limit.
#![recursion_limit = "256"]

#[cfg(feature = "libtorch")]
mod autograd;
#[cfg(feature = "bandwidth")]
mod bandwidth;
mod data;
mod device;
#[cfg(test)]
mod golden;
mod inference;
mod memory;
mod model;
mod nn;
mod optim;
mod outputs;
mod parts;
mod step;
mod weights;

#[cfg(feature = "bandwidth")]
pub use bandwidth::Bandwidth;
pub use data::batch::{Batch, Padding};
pub use data::dataset::Dataset;
pub use data::masking::Masking;
pub use device::Compute;
pub use model::Model;
pub use model_files::BertConfig;
pub use optim::adamw::{AdamW, AdamWConfig};
pub use optim::layer_rates::LayerRates;
pub use optim::objective::Objective;
pub use parts::ModelPart;
pub use step::StepOutcome;
pub use weights::parameters::HeadPolicy;
