//! Workers: the production files that have a model.

/// Elements that are traced at once: a cell of two is big.
pub(crate) const PIECE: usize = 1;

#[path = "../../gc-core/src/workers/on_demand.rs"]
pub(crate) mod on_demand;
#[path = "../../gc-core/src/workers/sharing.rs"]
pub(crate) mod sharing;
