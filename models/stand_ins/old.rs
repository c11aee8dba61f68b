//! The production files of the old generation that models are about.

#[path = "../../gc-core/src/old/promote.rs"]
pub(crate) mod promote;
#[path = "../../gc-core/src/old/sweep.rs"]
pub(crate) mod sweep;
