//! What a pause is requested to do, and what it does.

use crate::{
    space::old::OldSpace,
    stats::{Cause, Collect},
};

use super::{clearing::Stage, collector::Collector, idle::IdleWork, major_cycle::Phase};

/// What a pause is requested to do.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    /// A minor collection.
    Minor(Collect),
    /// To begin a major cycle, unless one is under way.
    Begin,
    /// To end the major cycle that is under way, and to compact the heap all at once.
    Compact,
    /// To end marking, if that takes no more than about `budget` objects. `now`: whatever it takes,
    /// with all that is to be cleared.
    Finish { budget: u64, now: bool },
}

impl Request {
    /// Returns whether the request is still to be done. A thread that held the registry lock before
    /// may have done it.
    pub(crate) fn is_due(self, phase: Phase) -> bool {
        match self {
            Self::Minor(_) | Self::Compact => true,
            Self::Begin => phase == Phase::Idle,
            Self::Finish { .. } => phase == Phase::Marking,
        }
    }
}

/// The most objects that a pause marks ([assist.bound]).
pub(crate) const MOST_MARKED: u64 = 1 << 16;

/// Chooses what the pause does. A minor collection promotes everything where nearly all survivors
/// live on, and near the hard limit. It also begins a major cycle when the old generation has grown
/// enough. It ends marking when the old generation is over its goal and nothing is known to be left
/// to mark, or when it is far over the goal ([assist.bound]).
pub(crate) fn choose(collector: &Collector, wanted: Request, cause: Cause) -> (Collect, Request, Cause) {
    let pace = &collector.pacing;
    let Request::Minor(asked) = wanted else { return (Collect::Promote, wanted, cause) };
    let every = collector.config.stress.compact_all;
    if every != 0 && (collector.epochs.stop_count() + 1).is_multiple_of(every.into()) {
        return (Collect::Promote, Request::Compact, cause);
    }
    if collector.major.phase() == Phase::Marking {
        if pace.will_be_far_over_goal() {
            return (Collect::Promote, Request::Finish { budget: u64::MAX, now: true }, Cause::Growth);
        }
        let is_clearing = || !matches!(collector.clearing.lock().stage(), Stage::Marking | Stage::Done);
        if pace.has_passed_goal() && collector.marking.lock().is_done() && !is_clearing() {
            return (Collect::Promote, Request::Finish { budget: MOST_MARKED, now: false }, Cause::Growth);
        }
    }
    if collector.major.phase() == Phase::Idle {
        let stress = &collector.config.stress;
        if stress.full_every != 0 && (collector.epochs.stop_count() + 1).is_multiple_of(stress.full_every.into()) {
            return (Collect::Promote, Request::Begin, cause);
        }
        if cause != Cause::Explicit && pace.is_auto() && wants_major(collector) {
            return (Collect::Promote, Request::Begin, Cause::Growth);
        }
    }
    let at_once = (cause != Cause::Explicit && pace.promotes_at_once()) || collector.headroom.is_tight();
    (if at_once { Collect::Promote } else { asked }, wanted, cause)
}

/// Returns the collection that is due, with its cause, no matter which thread made it due.
pub(crate) fn due(collector: &Collector) -> Option<(Request, Cause)> {
    let (pace, phase) = (&collector.pacing, collector.major.phase());
    let idle = phase == Phase::Idle;
    if phase == Phase::Marking
        && let Some(budget) = collector.major.handed_over()
    {
        return Some((Request::Finish { budget, now: false }, collector.major.cause()));
    }
    if idle && collector.headroom.wants_compaction() {
        return Some((Request::Compact, Cause::Limit));
    }
    if idle && collector.major.is_promised() {
        return Some((Request::Begin, Cause::Limit));
    }
    let changed = collector.headroom.has_changed() || collector.roots.holds_much();
    let much =
        pace.is_auto() && (changed || pace.wants_minor() || pace.holds_much() || (idle && wants_major(collector)));
    let cause = if much { Cause::Nursery } else { Cause::RememberedSet };
    if much || pace.remembers_much() {
        return Some((Request::Minor(Collect::Young), cause));
    }
    let work = collector.idle.work().filter(|_| idle && pace.is_auto())?;
    let wanted = match work {
        IdleWork::Compact => Request::Compact,
        IdleWork::Collect => Request::Begin,
    };
    Some((wanted, Cause::Idle))
}

/// Returns whether an idle heap had better be compacted.
pub(crate) fn is_scattered(old: &OldSpace) -> bool {
    old.live_bytes <= MOST_WHEN_IDLE && old.is_worth_compacting()
}

/// The most bytes of live objects that an idle heap moves together in a pause: some 50 ms, if the
/// program comes back just then.
const MOST_WHEN_IDLE: usize = 64 << 20;

/// Returns whether marking should begin: the old generation has grown enough, with the memory that
/// objects hold outside the heap.
pub(crate) fn wants_major(collector: &Collector) -> bool {
    collector.pacing.wants_major(collector.memory.budget.external())
}
