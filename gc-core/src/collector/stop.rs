//! Stopping the world of a heap: the members that a rendezvous waits for, the report of the
//! stragglers, and what changes afterwards.

use core::time::Duration;
use std::time::Instant;

use crate::{
    safepoint::{Member, Members, Stopped},
    stats::event::Event,
};

use super::{collector::Collector, jobs::Job, major_cycle::Phase, registry::Attached};

/// How a pause began.
pub(crate) struct Start {
    /// When the leader began to stop the world.
    pub(crate) at: Instant,
    /// How long it took to stop the world.
    pub(crate) time_to_safepoint: Duration,
    /// The thread that the leader waited for last, if it waited for any.
    pub(crate) last: Option<String>,
}

/// Returns the members of the rendezvous: these mutators, and the concurrent thread.
pub(crate) fn members<'a>(
    collector: &'a Collector,
    mutators: &'a [Attached],
) -> impl Iterator<Item = Member<'a>> + Clone {
    mutators.iter().map(|attached| attached.state().member()).chain(core::iter::once(collector.major.member()))
}

/// Records how long a stop took that the leader began at `at`, and the thread that it waited for
/// last.
pub(crate) fn record_stop(collector: &Collector, at: Instant, stopped: Stopped, mutators: &[Attached]) -> Start {
    let time_to_safepoint = at.elapsed();
    let Stopped::All { last: Some(last) } = stopped else { return Start { at, time_to_safepoint, last: None } };
    let last = match mutators.iter().find(|attached| attached.state().number == last) {
        Some(attached) => attached.thread(),
        None => "the marker".to_owned(),
    };
    collector.stats.record_time_to_safepoint(time_to_safepoint, &last);
    Start { at, time_to_safepoint, last: Some(last) }
}

/// Reports the stragglers: the threads that have not reached a safepoint.
pub(crate) fn report_stragglers(collector: &Collector, mutators: &[Attached], waited: Duration) {
    for attached in mutators.iter().filter(|attached| attached.state().word.is_straggler()) {
        let last_safepoint = attached.state().seen_at.get();
        collector.background.post(Job::Report(Event::Late { thread: attached.thread(), waited, last_safepoint }));
    }
}

/// Counts a stop. Locks of cells that were taken before it are free from now on, and it is decided
/// again whether cells need atomic operations. The world is stopped, and the caller is the leader.
pub(crate) fn count_stop(collector: &Collector, mutators: &Members<Attached>) {
    // The concurrent thread reads cells, too.
    let exclusive = mutators.len() == 1 && collector.major.phase() != Phase::Marking;
    let stop = collector.epochs.count_stop(exclusive);
    for attached in mutators.awake() {
        let local = attached.state();
        local.cell_user.set(local.cell_user.get().after(stop, exclusive));
    }
}
