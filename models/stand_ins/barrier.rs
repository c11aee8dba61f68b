//! The barrier: the production files.

pub(crate) use big_cells::CellPiece;
pub(crate) use satb::SatbQueue;
pub(crate) use weak_mode::Mode;
pub(crate) use write_barrier::{Barrier, SatbLogger};

#[path = "../../gc-core/src/barrier/big_cells.rs"]
pub(crate) mod big_cells;
#[path = "../../gc-core/src/barrier/remembered.rs"]
pub(crate) mod remembered;
#[path = "../../gc-core/src/barrier/satb.rs"]
pub(crate) mod satb;
#[path = "../../gc-core/src/barrier/weak_mode.rs"]
pub(crate) mod weak_mode;
#[path = "../../gc-core/src/barrier/write_barrier.rs"]
pub(crate) mod write_barrier;
