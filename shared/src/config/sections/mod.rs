//! The sections of a config, one file for each.

pub(super) mod entity_recognition;
pub(super) mod evaluate;
pub(super) mod fetch;
pub(super) mod masked_lm;
pub(super) mod question_answering;
pub(super) mod tokenize;
pub(super) mod train;
