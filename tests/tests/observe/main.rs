//! Seeing inside: what the heap tells of its objects.

mod census;
mod growth;
mod heap;
mod heap_snapshot;
