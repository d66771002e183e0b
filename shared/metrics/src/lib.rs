//! Metrics as pure functions and small accumulators, one file per family. Each formula follows the library or paper that its
//! documentation names. A metric without a value is `None`, or 0 if the named library gives 0.

#![warn(missing_docs)]

pub mod answers;
pub mod calibration;
mod classification;
mod counts;
pub mod entities;
pub mod masked;
pub mod multi_label;
pub mod ranking;
pub mod regression;
pub mod significance;
mod softmax;

pub use classification::Confusion;
pub use counts::{ClassMetrics, Counts, macro_f1};
pub use softmax::{argmax, log_softmax, sigmoid, softmax};
