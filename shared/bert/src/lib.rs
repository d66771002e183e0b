//! BERT (Devlin et al., 2019, <https://arxiv.org/abs/1810.04805>) and ELECTRA, which has the same encoder, on burn,
//! computing what `transformers`' classifiers compute, under the same weight names.

// burn's tensor dispatch nests deeper than the default limit.
#![recursion_limit = "256"]

mod batch;
mod classifier;
mod config;
mod dataset;
mod device;
mod encoder;
#[cfg(test)]
mod golden;
mod heads;
mod layers;
#[cfg(feature = "libtorch")]
mod libtorch;
mod optimizer;
mod parameters;
mod stored_head;
mod weight_files;

pub use batch::Batch;
pub use classifier::{SequenceClassifier, StepOutcome};
pub use config::BertConfig;
pub use dataset::Dataset;
pub use device::Compute;
pub use optimizer::{AdamW, AdamWConfig};
pub use parameters::Head;
