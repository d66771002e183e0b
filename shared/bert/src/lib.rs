//! BERT (Devlin et al., 2019, <https://arxiv.org/abs/1810.04805>) and ELECTRA, which has the same encoder, on burn,
//! computing what `transformers`' models of them compute, under the same weight names.

// burn's tensor dispatch nests deeper than the default limit.
#![recursion_limit = "256"]

#[cfg(feature = "libtorch")]
mod autograd;
mod batch;
mod clipping;
mod dataset;
mod decoder;
mod device;
mod dropout;
mod encoder;
#[cfg(test)]
mod golden;
mod heads;
mod inference;
mod layer_rates;
mod layers;
mod losses;
mod masking;
mod memory;
mod model;
mod objective;
mod optimizer;
mod optimizer_state;
mod outputs;
mod parameters;
mod parts;
#[cfg(feature = "passes")]
mod passes;
mod step;
mod stored_head;
mod targets;
mod weight_files;

pub use batch::{Batch, Padding};
pub use dataset::Dataset;
pub use device::Compute;
pub use layer_rates::LayerRates;
pub use masking::Masking;
pub use model::Model;
pub use model_files::BertConfig;
pub use objective::Objective;
pub use optimizer::{AdamW, AdamWConfig};
pub use parameters::HeadPolicy;
pub use parts::ModelPart;
#[cfg(feature = "passes")]
pub use passes::Passes;
pub use step::StepOutcome;
