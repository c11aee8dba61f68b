//! What the write barrier records for the collector: the remembered set, and the old values that
//! are overwritten while marking.

mod adopt;
mod big_cells;
mod remembered;
mod satb;
mod weak_mode;
mod write_barrier;

pub(crate) use adopt::Adopter;
pub(crate) use big_cells::{BigCells, CellPiece};
pub(crate) use remembered::{Remembered, RememberedCell};
pub(crate) use satb::SatbQueue;
pub(crate) use weak_mode::Mode;
pub(crate) use write_barrier::{Barrier, SatbLogger};
