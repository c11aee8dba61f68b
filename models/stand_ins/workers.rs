//! The production files of workers that models are about.

#[path = "../../gc-core/src/workers/sharing.rs"]
pub(crate) mod sharing;
