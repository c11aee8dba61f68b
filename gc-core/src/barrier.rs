//! What mutators tell the collector while they write: which old objects hold young values, and what marking must not lose.

mod remembered;
mod satb;
mod write_barrier;

pub(crate) use remembered::{Remembered, RememberedCell};
pub(crate) use satb::SatbQueue;
pub(crate) use write_barrier::{Barrier, SatbLogger};
