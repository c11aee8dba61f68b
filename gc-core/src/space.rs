//! The three spaces that objects live in, one for each part of the reservation. Only these modules
//! know the flip and the beginning of a sweep.

pub(crate) mod candidates;
pub(crate) mod census;
pub(crate) mod empty_blocks;
pub(crate) mod free_runs;
pub(crate) mod large;
pub(crate) mod old;
pub(crate) mod peak;
pub(crate) mod sparse;
pub(crate) mod young;
