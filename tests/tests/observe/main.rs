//! Seeing inside: what the heap tells of its objects.

mod census;
mod heap;
mod heap_snapshot;
