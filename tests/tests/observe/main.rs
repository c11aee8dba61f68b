//! Seeing inside: what the heap tells of its objects.

mod allocator;
mod metrics;
mod timeline;
mod tracing;
