//! Workers: the production files that have a model.

#[path = "../../gc-core/src/workers/on_demand.rs"]
pub(crate) mod on_demand;
#[path = "../../gc-core/src/workers/sharing.rs"]
pub(crate) mod sharing;
