//! The files of a BERT or ELECTRA in the Hub layout, without the numbers of its weights: what they say is enough for every stage
//! to refuse a model, and none has to link what computes it.

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
