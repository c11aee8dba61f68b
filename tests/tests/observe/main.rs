//! Seeing inside: what the heap tells of its objects.

mod allocator;
mod timeline;
mod tracing;
