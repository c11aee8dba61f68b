//! The old generation: the production files that have a model.

#[path = "../../gc-core/src/old/promote.rs"]
pub(crate) mod promote;
#[path = "../../gc-core/src/old/sweep.rs"]
pub(crate) mod sweep;
#[path = "../../gc-core/src/old/waiting.rs"]
pub(crate) mod waiting;
