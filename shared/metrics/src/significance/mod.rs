//! Significance: confidence intervals of one run, and tests of one run against another.

mod bootstrap;
mod mcnemar;

pub use bootstrap::{Bootstrap, Difference, Interval};
pub use mcnemar::mcnemar;
