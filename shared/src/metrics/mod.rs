//! Metrics, a file a family.

mod classification;
mod softmax;

pub use classification::{ClassMetrics, Confusion};
pub use softmax::{argmax, log_softmax, softmax};
