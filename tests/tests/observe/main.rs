//! Seeing inside: what the heap tells of its objects.

mod heap;
mod heap_snapshot;
