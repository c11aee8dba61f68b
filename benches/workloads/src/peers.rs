//! Other collectors for Rust, as their documentation has them used, with their default settings.
//!
//! Those whose pointers are cloned, and keep alive what they point to wherever they are, share a text: `peers/cloned.rs`, compiled for each.

pub(crate) mod bacon;
pub(crate) mod boa;
pub(crate) mod dumpster;
pub(crate) mod gc_arena;
