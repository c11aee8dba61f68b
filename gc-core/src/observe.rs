//! Seeing inside: where the memory of a heap goes, and why it stays.
//!
//! Nothing below this layer uses it, and nothing of it costs while it is off. What walks objects takes `&mut` [`Mutator`](crate::Mutator),
//! and returns roots, counts or owned data: no pointer into the heap gets out.

mod allocator;
mod hooks;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod timeline;
#[cfg(feature = "tracing")]
pub mod tracing;

pub use allocator::{AllocatorStats, ClassStats, LargeStats, YoungStats};
pub use hooks::both;
pub use timeline::Timeline;
