//! Optimization: objectives, AdamW, clipping and learning rates of parts.

pub(crate) mod adamw;
pub(crate) mod clipping;
pub(crate) mod layer_rates;
pub(crate) mod losses;
pub(crate) mod objective;
pub(crate) mod optimizer_state;
