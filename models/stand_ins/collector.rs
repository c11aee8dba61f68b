//! The production files of the collector that models are about.

#[path = "../../gc-core/src/collector/full.rs"]
pub(crate) mod full;
#[path = "../../gc-core/src/collector/job_queue.rs"]
pub(crate) mod job_queue;
