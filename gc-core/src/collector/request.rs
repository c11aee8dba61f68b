//! Asking for a collection, and leading it: from a safepoint to the stopped world and back.
//!
//! Whoever asks while a collection runs that began too early asks again for the next one; whoever asks for what another one has just
//! begun shares it. A full collection is waited for to its end, blocked; only its pauses are led here.

use std::time::Instant;

use crate::{
    safepoint::Reason,
    stats::report::{Cause, CollectReport, Generation},
    workers::AbortOnUnwind,
};

use super::{
    attachment::{self, Attachment},
    collector::Collector,
    jobs::Job,
    pause::collect,
    policy::Request,
    registry::Finished,
};

/// What had been done when a request was made: what is done later is shared.
#[derive(Clone, Copy)]
pub(crate) struct Observed {
    collections: u64,
    major: u64,
}

/// Takes up what a safepoint was raised for. The caller is the running owner of `local`, at a safepoint.
pub(crate) fn at_safepoint(local: &Attachment) {
    let collector = &*local.collector;
    // Before parking: a collection that this thread parks for does what it was raised for.
    let seen = collector.seen();
    let reason = local.poll.take();
    let mut asked = reason.contains(Reason::MERGE);
    if asked {
        local.word.take_asked();
    }
    if reason.contains(Reason::STOP) {
        away(local, || asked |= collector.rendezvous.park(&local.word));
    }
    if asked {
        local.merge_counted();
    }
    let stress = &collector.config.stress;
    if stress.watches_safepoints() {
        local.poll.raise(Reason::STRESS);
        let count = local.stress_count.get().wrapping_add(1);
        local.stress_count.set(count);
        let due = stress.every_safepoint != 0 && count.is_multiple_of(stress.every_safepoint);
        if due && !reason.contains(Reason::FULL) {
            request(local, Generation::Fresh, Cause::Stress, collector.seen());
            return;
        }
    }
    if reason.contains(Reason::FULL) {
        // The one that it was promised may have begun, or be over, since.
        request(local, Generation::Old, Cause::Limit, Observed { major: local.refused_at.get(), ..seen });
    } else if reason.contains(Reason::REMEMBERED)
        || (reason.contains(Reason::YOUNG) && (collector.pacing.is_auto() || stress.every_allocation != 0))
    {
        request(local, Generation::Fresh, Cause::Nursery, seen);
    }
}

/// Runs `wait` while this thread's mutator is none that runs.
fn away(local: &Attachment, wait: impl FnOnce()) {
    attachment::stop_running();
    wait();
    attachment::run(local);
}

/// Collects, or shares a collection that somebody else leads and that began after `seen`. A full collection is waited for to its
/// end, while other mutators go on. The caller is the running owner of `local`, at a safepoint.
pub(crate) fn request(local: &Attachment, asked: Generation, cause: Cause, seen: Observed) -> CollectReport {
    let collector = &*local.collector;
    let mut report = None;
    away(local, || {
        // Before the registry lock (step 1 of `safepoint`): whoever leads does not wait for this thread.
        if collector.rendezvous.enter_blocked(&local.word) {
            local.merge_counted();
        }
        report = if asked == Generation::Old {
            Some(collector.major.wait_for_one_after(seen.major, || {
                let _ = lead(collector, Request::Begin, cause, None);
            }))
        } else {
            lead(collector, Request::Young(asked), cause, Some(seen))
        };
        collector.rendezvous.leave_blocked(&local.word);
    });
    report.expect("a collection leaves a report")
}

/// Stops the world and does what is wanted; a young collection that began after `seen` is shared. The caller's mutator, if it has one, is
/// BLOCKED. Returns the report of the pause, if there was one.
pub(crate) fn lead(
    collector: &Collector,
    wanted: Request,
    cause: Cause,
    seen: Option<Observed>,
) -> Option<CollectReport> {
    let mut registry = collector.registry.lock();
    if let Request::Young(asked) = wanted
        && let (Some(last), Some(seen)) = (registry.last[asked as usize], seen)
        && last.started > seen.collections
    {
        return Some(last.report);
    }
    if !wanted.is_due(collector.major.phase()) {
        return None;
    }
    let start = Instant::now();
    let mutators = registry.mutators.clone();
    let timeout = collector.config.late_after;
    let stopped = collector.rendezvous.stop(collector.members(&mutators), timeout, |waited| {
        collector.report_stragglers(&mutators, waited);
        Some(timeout)
    });
    let start = collector.stopped(start, stopped, &mutators);
    // What runs in a pause beside our code is derived `Trace`, and the iterators of containers that are whole, which do not panic
    // (`trace::impls::owned`, `collections`). So a collection that fails half-way is a bug of ours: nobody must go on with what it leaves.
    let bomb = AbortOnUnwind;
    let started = collector.epochs.begin_collection();
    let (figures, mut pending) = collect(collector, &mutators, &mut registry, wanted, cause, start);
    collector.epochs.end_collection();
    let report = figures.report();
    for last in &mut registry.last[..=report.generation as usize] {
        *last = Some(Finished { started, report });
    }
    collector.background.expect_drops(&mut pending, &collector.memory.budget);
    core::mem::forget(bomb);
    collector.rendezvous.resume(collector.members(&mutators));
    drop(registry);
    collector.background.post_drops(pending);
    collector.background.post(Job::Report(figures.event()));
    Some(report)
}

impl Collector {
    /// What a request must have been seen after, to be shared.
    pub(crate) fn seen(&self) -> Observed {
        Observed { collections: self.epochs.collections(), major: self.major.begun() }
    }
}
