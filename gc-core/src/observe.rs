//! Seeing inside: where the memory of a heap goes, and why it stays.
//!
//! Nothing below this layer uses it, and nothing of it costs while it is off. What walks objects
//! takes `&mut` [`Mutator`](crate::Mutator), and returns roots, counts or owned data: no pointer
//! into the heap gets out.

mod allocator;
mod assertions;
mod census;
mod graph;
mod growth;
mod heap_snapshot;
mod hooks;
mod leaks;
#[cfg(feature = "metrics")]
pub mod metrics;
mod samples;
pub mod sites;
mod take;
pub mod timeline;
#[cfg(feature = "tracing")]
pub mod tracing;

pub use crate::stats::Amount;
pub use allocator::{AllocatorStats, ClassStats, LargeStats, YoungStats};
pub use assertions::{assert_no_growth, assert_none_left};
pub use census::{Census, TypeCount};
pub use graph::{
    Dominators, Edge, Graph, GraphBuilder, GraphError, Label, NewNode, Node, NodeKind, Path, PathStep, Strength,
    TypeChange, TypeTotal,
};
pub use growth::Growth;
pub use hooks::both;
pub use leaks::{LeakReport, Leaks, Suspect};
pub use timeline::Timeline;
