//! Requests for collections, and how a thread leads one: from its safepoint to the stopped world and back.
//!
//! A running collection may have begun too early for a request. Then the requesting thread requests the next one. If another
//! thread has begun a collection after the request, the requesting thread shares its report. A thread that requests a major cycle
//! is BLOCKED until the end of the cycle; only the pauses of the cycle are led here.

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
    stop,
};

/// The state of the collector when a request was made. A request shares the collections that begin later.
#[derive(Clone, Copy)]
pub(crate) struct Observed {
    collections: u64,
    major: u64,
}

/// Does what a safepoint was raised for. The caller is the running owner of `local`, at a safepoint.
pub(crate) fn at_safepoint(local: &Attachment) {
    let collector = &*local.collector;
    // This is read before the thread parks: the collection that it parks for satisfies what the poll was raised for.
    let observed = observed(collector);
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
        if due && !reason.contains(Reason::MAJOR) {
            request(local, Generation::Fresh, Cause::Stress, self::observed(collector));
            return;
        }
    }
    if reason.contains(Reason::MAJOR) {
        // The cycle that the refused allocation was promised may have begun, or ended, since then.
        request(local, Generation::Old, Cause::Limit, Observed { major: local.refused_at.get(), ..observed });
    } else if reason.contains(Reason::REMEMBERED)
        || (reason.contains(Reason::MINOR) && (collector.pacing.is_auto() || stress.every_allocation != 0))
    {
        request(local, Generation::Fresh, Cause::Nursery, observed);
    }
}

/// Runs `wait` while this thread runs no mutator.
fn away(local: &Attachment, wait: impl FnOnce()) {
    attachment::stop_running();
    wait();
    attachment::run(local);
}

/// Collects, or shares a collection that another thread leads and that began after `observed`. For a major cycle it waits until the
/// cycle ends, while other mutators go on. The caller is the running owner of `local`, at a safepoint.
pub(crate) fn request(local: &Attachment, asked: Generation, cause: Cause, observed: Observed) -> CollectReport {
    let collector = &*local.collector;
    let mut report = None;
    away(local, || {
        // The mutator is BLOCKED before this thread waits for the registry lock (step 1 of `safepoint`): no leader waits for it.
        if collector.rendezvous.enter_blocked(&local.word) {
            local.merge_counted();
        }
        report = if asked == Generation::Old {
            Some(collector.major.wait_for_one_after(observed.major, || {
                let _ = lead(collector, Request::Begin, cause, None);
            }))
        } else {
            lead(collector, Request::Minor(asked), cause, Some(observed))
        };
        collector.rendezvous.leave_blocked(&local.word);
    });
    report.expect("a collection leaves a report")
}

/// Stops the world and does what `wanted` requests. A minor collection that began after `observed` is shared instead. The caller's
/// mutator, if it has one, is BLOCKED. Returns the report of the pause, if there was one.
pub(crate) fn lead(
    collector: &Collector,
    wanted: Request,
    cause: Cause,
    observed: Option<Observed>,
) -> Option<CollectReport> {
    let mut registry = collector.registry.lock();
    if let Request::Minor(asked) = wanted
        && let (Some(last), Some(observed)) = (registry.last[asked as usize], observed)
        && last.started > observed.collections
    {
        return Some(last.report);
    }
    if !wanted.is_due(collector.major.phase()) {
        return None;
    }
    let start = Instant::now();
    let mutators = registry.mutators.clone();
    let timeout = collector.config.late_after;
    let stopped = collector.rendezvous.stop(stop::members(collector, &mutators), timeout, |waited| {
        stop::report_stragglers(collector, &mutators, waited);
        Some(timeout)
    });
    let start = stop::record_stop(collector, start, stopped, &mutators);
    // The only user code that runs in a pause is derived `Trace`, with the iterators of complete containers, which do not panic
    // (`trace::impls::owned`, `collections`). So a collection that panics half-way has met a bug of this crate, and no thread may
    // go on with the heap that it leaves.
    let bomb = AbortOnUnwind;
    let started = collector.epochs.begin_collection();
    let (figures, mut dead) = collect(collector, &mutators, &mut registry, wanted, cause, start);
    collector.epochs.end_collection();
    let report = figures.report();
    for last in &mut registry.last[..=report.generation as usize] {
        *last = Some(Finished { started, report });
    }
    collector.background.expect_drops(&mut dead, &collector.memory.budget);
    core::mem::forget(bomb);
    collector.rendezvous.resume(stop::members(collector, &mutators));
    drop(registry);
    collector.background.post_drops(dead);
    collector.background.post(Job::Report(figures.event()));
    Some(report)
}

/// Returns what has been done so far, for a request that is made now.
pub(crate) fn observed(collector: &Collector) -> Observed {
    Observed { collections: collector.epochs.collections(), major: collector.major.begun() }
}
