//! Reads and checks the files of a BERT or ELECTRA in the Hub layout, without the values of its weights.
//!
//! Every stage can refuse an unsuitable model with this crate alone; it does not link the code that computes the model.
#![warn(missing_docs)]

mod archive;
mod config;
mod header;
mod impostor;
mod names;
mod tensors;

pub use archive::refuse_cut_archive;
pub use config::{Architecture, BertConfig, HiddenAct, ModelType, ProblemType};
pub use header::{TensorHeader, read_header};
pub use impostor::refuse_impostor;
pub use names::Naming;
pub use tensors::{check_headers, encoder_shapes};
