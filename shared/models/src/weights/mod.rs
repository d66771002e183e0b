//! Weights: files, names, and the parameters of a model that is built from them.

pub(crate) mod decoder;
pub(crate) mod files;
pub(crate) mod parameters;
pub(crate) mod stored_head;
