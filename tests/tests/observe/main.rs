//! Seeing inside: what the heap tells of its objects.

mod allocator;
mod assertions;
mod attacks;
mod census;
mod growth;
mod heap;
mod heap_snapshot;
mod marks;
mod metrics;
mod sites;
mod sites_attacks;
mod sites_files;
mod timeline;
mod tracing;
