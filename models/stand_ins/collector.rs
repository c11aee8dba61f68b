//! The collector: the production files that have a model.

#[path = "../../gc-core/src/collector/claims.rs"]
pub(crate) mod claims;
#[path = "../../gc-core/src/collector/clearing.rs"]
pub(crate) mod clearing;
#[path = "../../gc-core/src/collector/clock.rs"]
pub(crate) mod clock;
#[path = "../../gc-core/src/collector/given_up.rs"]
pub(crate) mod given_up;
#[path = "../../gc-core/src/collector/idle.rs"]
pub(crate) mod idle;
#[path = "../../gc-core/src/collector/job_queue.rs"]
pub(crate) mod job_queue;
#[path = "../../gc-core/src/collector/kept_end.rs"]
pub(crate) mod kept_end;
#[path = "../../gc-core/src/collector/major_cycle.rs"]
pub(crate) mod major_cycle;
#[path = "../../gc-core/src/collector/presence.rs"]
pub(crate) mod presence;
#[path = "../../gc-core/src/collector/visits.rs"]
pub(crate) mod visits;
#[path = "../../gc-core/src/collector/yielding.rs"]
pub(crate) mod yielding;
