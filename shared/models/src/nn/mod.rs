//! Layers: embeddings, encoder layers, heads and dropout.

pub(crate) mod dropout;
pub(crate) mod encoder;
pub(crate) mod heads;
pub(crate) mod layers;
