//! What the stages agree on: the config, the run contract, and every file that passes between them.
//!
//! Nothing here knows of burn, of the network or of the library of tokenizers; a stage depends on this crate and never
//! on another stage.

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
