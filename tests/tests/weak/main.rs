//! Weak references, identities, ephemerons and finalization.

#![forbid(unsafe_code)]

mod attacks;
mod closed_queues;
mod ephemeron_chains;
mod ephemeron_graphs;
mod ephemeron_threads;
mod ephemerons;
mod finalization;
mod identity;
mod others;
mod python;
mod random;
mod references;
