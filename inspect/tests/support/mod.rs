//! What tests and the example that makes files for other readers have in common.

pub mod planted;
pub mod writer;
