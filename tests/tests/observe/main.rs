//! Seeing inside: what the heap tells of its objects.

mod allocator;
mod assertions;
mod attacks;
mod census;
mod growth;
mod heap;
mod heap_snapshot;
mod metrics;
mod timeline;
mod tracing;
