//! The settings of a heap: what the builder takes, and the stress that tests set.

pub(crate) mod config;
pub(crate) mod stress;

pub use config::{BuildError, Thresholds};
pub use stress::{ParseStressError, Stress};
