//! Seeing inside: what the heap tells of its objects.

mod assertions;
mod census;
mod growth;
mod heap;
mod heap_snapshot;
