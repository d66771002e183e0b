//! What a run is judged by: one file a family, each formula as the library or paper says that it names.
//!
//! Pure functions and small accumulators. What has no value is `None`, or 0 where the named scorer says 0.

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
