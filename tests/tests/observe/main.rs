//! Seeing inside: what the heap tells of its objects.

mod assertions;
mod census;
mod growth;
