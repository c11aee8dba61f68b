//! What a pause is asked for, and what it really does.

use crate::stats::{Cause, Generation};

use super::{collector::Collector, major_cycle::Phase};

/// What a stop is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    /// A young collection.
    Young(Generation),
    /// That a full collection begins, unless one is under way.
    Begin,
    /// That marking ends, if it takes no more than about so many objects.
    Finish { budget: u64 },
}

impl Request {
    /// Whether it is still to be done: whoever had the registry before may have done it.
    pub(crate) fn is_due(self, phase: Phase) -> bool {
        match self {
            Self::Young(_) => true,
            Self::Begin => phase == Phase::Idle,
            Self::Finish { .. } => phase == Phase::Marking,
        }
    }
}

/// What is really done: a young collection becomes one that promotes everything when its turn has come, and one that begins a full
/// collection when the old generation has grown enough.
pub(crate) fn choose(collector: &Collector, wanted: Request, cause: Cause) -> (Generation, Request, Cause) {
    let pace = &collector.pacing;
    let Request::Young(asked) = wanted else { return (Generation::Young, wanted, cause) };
    if collector.major.phase() == Phase::Marking && pace.is_far_over_goal() {
        return (Generation::Young, Request::Finish { budget: u64::MAX }, Cause::Growth);
    }
    if collector.major.phase() == Phase::Idle {
        let stress = &collector.config.stress;
        if stress.full_every != 0 && (collector.epochs.stops() + 1).is_multiple_of(stress.full_every.into()) {
            return (Generation::Young, Request::Begin, cause);
        }
        if cause != Cause::Explicit && pace.is_auto() && collector.wants_full() {
            return (Generation::Young, Request::Begin, Cause::Growth);
        }
    }
    let every = pace.thresholds().promote_all_every;
    let turn = every != 0 && pace.young_collections() + 1 >= every;
    let generation = if asked == Generation::Fresh && !turn { Generation::Fresh } else { Generation::Young };
    (generation, wanted, cause)
}

impl Collector {
    /// Whether the old generation, with what objects hold elsewhere, has grown so much that marking should begin.
    pub(crate) fn wants_full(&self) -> bool {
        self.pacing.wants_full(self.memory.budget.external())
    }
}
