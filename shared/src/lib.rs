//! The contract of the stages: the config, the run contract, and every file that passes between them.
//!
//! This crate knows neither burn nor the network nor the library of tokenizers. A stage depends on it and never on another
//! stage.

#![warn(missing_docs)]

pub mod address;
pub mod atomic_dir;
pub mod config;
pub mod console;
pub mod digest;
pub mod fault;
mod fingerprint;
pub mod layout;
mod line_writer;
mod lock;
pub mod manifest;
pub mod metadata;
pub mod metric;
pub mod model_output;
pub mod names;
pub mod training_log;

pub mod schema;
pub mod signals;
pub mod spelling;
pub mod stage;
pub mod task;
pub mod tokens;
