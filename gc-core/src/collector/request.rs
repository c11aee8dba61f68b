//! Requests for collections, and how a thread leads one: from its safepoint to the stopped world
//! and back.
//!
//! A running collection may have begun too early for a request. Then the requesting thread requests
//! the next one. If another thread has begun a collection after the request, the requesting thread
//! shares its report. A thread that requests a major cycle is BLOCKED until the end of the cycle;
//! only the pauses of the cycle are led here.
//!
//! - **[request.of-heap]** A request belongs to the heap: `policy::due` says what is due, from the
//!   heap's figures. A mutator whose poll is raised does what is due at its next safepoint, when it
//!   enters or leaves `blocked`, and when it detaches. If the thread that made something due has no
//!   mutator, or cannot collect, the concurrent thread does it, unless a mutator runs: that one
//!   finds its poll raised ([safepoint.due]). So no request waits for a thread that sleeps or has
//!   gone.
//! - **[request.promise]** A refused allocation is promised a cycle that begins afterwards. The
//!   mutator that was refused waits for the end of that cycle at its next safepoint, also after it
//!   was blocked. If it detaches, the cycle begins all the same.

use core::time::Duration;
use std::time::Instant;

use crate::{
    barrier::Mode,
    registered::Removals,
    safepoint::{Reason, Stopped},
    stats::report::{Cause, Collect, CollectReport},
    sync::MutexGuard,
    workers::{AbortOnUnwind, ProcessorTime},
};

use super::{
    attachment::{self, Attachment},
    collector::Collector,
    jobs::Job,
    major_cycle::Phase,
    pause::collect,
    policy::{Request, due},
    put_off::put_off,
    registry::{Finished, Registry},
    rejoin, stop,
    stopped_heap::StoppedHeap,
    watch,
};

/// The state of the collector when a request was made. A request shares the collections that begin
/// later.
#[derive(Clone, Copy)]
pub(crate) struct Observed {
    collections: u64,
    major: u64,
}

/// Does what a safepoint was raised for. The caller is the running owner of `local`, at a
/// safepoint.
pub(crate) fn at_safepoint(local: &Attachment) {
    let collector = &*local.collector;
    if collector.is_elsewhere() {
        // [fork.given-up]: nothing is collected any more, and no leader is left that would end a stop.
        let _ = collector.given_up.take(&local.poll);
        return;
    }
    // This is read before the thread parks: the collection that it parks for satisfies what the poll was raised for.
    let observed = observed(collector);
    let reason = collector.given_up.take(&local.poll);
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
            request(local, Collect::Young, Cause::Stress, self::observed(collector));
            return;
        }
    }
    if reason.contains(Reason::MAJOR) {
        // The cycle that the refused allocation was promised may have begun, or ended, since then.
        request(local, Collect::Full, Cause::Limit, Observed { major: local.refused_at.get(), ..observed });
        if let Some((wanted @ Request::Compact, cause)) = due(collector) {
            lead_here(local, wanted, cause);
        }
    } else if let Some((wanted @ (Request::Begin | Request::Compact | Request::Finish { .. }), cause)) = due(collector)
    {
        // For a cycle: another mutator was refused, and is blocked or has gone. Or the heap is idle. Or marking is to end.
        if lead_here(local, wanted, cause).is_none() && reason.contains(Reason::REMEMBERED) {
            local.poll.raise(Reason::REMEMBERED);
        }
    } else if reason.contains(Reason::REMEMBERED) || (reason.contains(Reason::MINOR) && minor_is_wanted(collector)) {
        let cause = if reason.contains(Reason::REMEMBERED) { Cause::RememberedSet } else { Cause::Nursery };
        if !put_off(collector, cause) {
            let cause = if reason.contains(Reason::MINOR) { Cause::Nursery } else { cause };
            request(local, Collect::Young, cause, observed);
        }
    }
}

/// Returns whether MINOR in a poll stands for a collection now: without `auto` it does if there is
/// another reason for it.
fn minor_is_wanted(collector: &Collector) -> bool {
    let pace = &collector.pacing;
    pace.is_auto() || pace.remembers_much() || collector.config.stress.every_allocation != 0
}

/// Runs `wait` while this thread runs no mutator.
fn away(local: &Attachment, wait: impl FnOnce()) {
    attachment::stop_running();
    wait();
    attachment::run(local);
}

/// Collects, or shares a collection that another thread leads and that began after `observed`. For
/// a major cycle it waits until the cycle ends, while other mutators go on. The caller is the
/// running owner of `local`, at a safepoint.
pub(crate) fn request(local: &Attachment, asked: Collect, cause: Cause, observed: Observed) -> CollectReport {
    let collector = &*local.collector;
    expect_here(collector);
    let mut report = None;
    // The mutator is BLOCKED before this thread waits for the registry lock (step 1 of `safepoint`): no leader waits for it.
    while_blocked(local, || {
        report = if asked == Collect::Full {
            Some(collector.major.wait_for_one_after(observed.major, || {
                let _ = lead(collector, Request::Begin, cause, None);
            }))
        } else {
            lead(collector, Request::Minor(asked), cause, Some(observed))
        };
    });
    report.expect("a collection leaves a report")
}

/// Compacts the heap all at once, in one pause. The caller is the running owner of `local`, at a
/// safepoint. Returns the report of the pause.
pub(crate) fn compact(local: &Attachment) -> CollectReport {
    expect_here(&local.collector);
    lead_here(local, Request::Compact, Cause::Explicit).expect("a compaction is always due")
}

/// Ends the clearing that is under way, if there is one, in a pause: afterwards no object that was
/// found dead is on its way into a queue. The caller is the running owner of `local`, at a
/// safepoint.
pub(crate) fn end_clearing(local: &Attachment) {
    let collector = &*local.collector;
    while collector.satb.weak_mode.get() == Mode::Clearing && !collector.is_elsewhere() {
        lead_here(local, Request::Finish { budget: u64::MAX, now: true }, Cause::Explicit);
    }
}

/// Panics in the child of a fork in which the heap cannot be collected ([fork.given-up]).
pub(super) fn expect_here(collector: &Collector) {
    assert!(
        !collector.is_elsewhere(),
        "collect: expected a heap that was stopped when this process was forked, found one that could not be, so it is never collected here"
    );
}

/// Leads what is due, for a mutator at a safepoint. Returns the report of the pause, if it was
/// still due.
fn lead_here(local: &Attachment, wanted: Request, cause: Cause) -> Option<CollectReport> {
    let mut report = None;
    while_blocked(local, || {
        report = match cause {
            Cause::Idle => lead_idle(&local.collector, wanted),
            _ => lead(&local.collector, wanted, cause, None),
        };
    });
    report
}

/// Runs `wait` while the mutator is BLOCKED. The caller is its running owner, at a safepoint.
pub(super) fn while_blocked(local: &Attachment, wait: impl FnOnce()) {
    away(local, || {
        block(local);
        wait();
        rejoin::leave_blocked(local);
    });
}

/// Makes the mutator BLOCKED, at a place where no collection is begun.
fn block(local: &Attachment) {
    if local.collector.rendezvous.enter_blocked(&local.word) {
        local.merge_counted();
    }
}

/// Makes the mutator BLOCKED, at a place where a collection may happen, and leads what is due. The
/// caller is the running owner of `local`; it runs no mutator afterwards.
#[inline]
pub(crate) fn enter_blocked(local: &Attachment) {
    attachment::stop_running();
    if let Some(asked) = local.collector.rendezvous.block(local.member()) {
        // The owner looks again when it leaves.
        let _ = blocked_slow(local, asked);
    }
}

/// Does what the poll of a BLOCKED mutator was raised for. Returns whether the owner has to look
/// again when it runs.
#[cold]
#[inline(never)]
fn blocked_slow(local: &Attachment, asked: bool) -> bool {
    if asked {
        local.merge_counted();
    }
    let collector = &*local.collector;
    let reason = collector.given_up.take(&local.poll);
    let stays = |stays| {
        if reason.contains(stays) {
            local.poll.raise(stays);
        }
        reason.contains(stays)
    };
    // The owner waits for the end of the cycle when it runs again.
    let look_again = stays(Reason::MAJOR) | stays(Reason::STRESS);
    let every_allocation = reason.contains(Reason::MINOR) && collector.config.stress.every_allocation != 0;
    if !lead_due(collector, reason.contains(Reason::REMEMBERED)) {
        stays(Reason::REMEMBERED);
        local.poll.raise(Reason::MINOR);
    } else if every_allocation {
        local.poll.raise(Reason::MINOR);
    }
    look_again
}

/// Leads what is due, and makes the mutator RUNNING. The caller is the owner of `local`, which has
/// called [`enter_blocked`] before.
///
/// The mutator is BLOCKED while it leads, and gives up as it does on entry: another mutator may
/// wait, for the moment, for what this thread does next. What becomes due after that is found at
/// the next safepoint.
#[inline]
pub(crate) fn leave_blocked(local: &Attachment) {
    let look_again = local.poll.is_raised() && blocked_slow(local, false);
    rejoin::leave_blocked(local);
    attachment::run(local);
    if look_again {
        at_safepoint(local);
    }
}

/// Makes a mutator BLOCKED that is about to detach, and leads what is due. While the thread's
/// thread-locals are destroyed it leads nothing: then the process may be about to exit, with
/// threads that never reach a safepoint.
pub(crate) fn detach(local: &Attachment) {
    let collector = &*local.collector;
    attachment::stop_running();
    // What the owner was asked for is done when its token leaves.
    let _ = collector.rendezvous.block(local.member());
    let reason = collector.given_up.take(&local.poll);
    if attachment::thread_ends() {
        ask(collector);
    } else {
        let _ = lead_due(collector, reason.contains(Reason::REMEMBERED));
    }
}

/// Leads what is due, for a thread whose mutator is BLOCKED; `remembers_much`: its remembered set
/// is full. If another mutator takes long to reach a safepoint, that one leads instead: this thread
/// may be about to end what it waits for. Returns whether nothing is due any more.
#[must_use]
fn lead_due(collector: &Collector, remembers_much: bool) -> bool {
    let observed = observed(collector);
    let full = remembers_much.then_some((Request::Minor(Collect::Young), Cause::RememberedSet));
    let Some((wanted, cause)) = due(collector).or(full) else { return true };
    if cause == Cause::Idle {
        let _ = lead_idle(collector, wanted);
        return true;
    }
    // If a thread has given up before, the mutator that it waited for collects when it gets there ([given-up.record]).
    if collector.given_up.stands(observed.collections) {
        return false;
    }
    // The concurrent thread does it when it has made way, if no mutator runs ([put-off.due]).
    if matches!(wanted, Request::Minor(_)) && put_off(collector, cause) {
        return false;
    }
    // Another leader may wait, without limit, for a mutator that waits for what this thread does next.
    let registry = collector.registry.try_lock_for(TIMEOUT);
    let led =
        registry.and_then(|registry| lead_as(collector, registry, wanted, cause, Some(observed), Some(TIMEOUT), None));
    if led.is_none() {
        ask(collector);
    }
    led.is_some()
}

/// Leads what is due because the heap is idle, if no other mutator is far from a safepoint. If one
/// is, the concurrent thread looks at the heap again later ([idle.no-wait]): here, too, it is
/// better not to wait than to make each mutator wait for each other one.
fn lead_idle(collector: &Collector, wanted: Request) -> Option<CollectReport> {
    let led = collector
        .registry
        .try_lock_for(IDLE_TIMEOUT)
        .and_then(|registry| lead_as(collector, registry, wanted, Cause::Idle, None, Some(IDLE_TIMEOUT), None));
    if led.is_none() && collector.idle.work().is_some() {
        collector.idle.note_activity(&collector.major);
    }
    led
}

/// Leads what is due if no mutator runs. Otherwise the mutators that run find their polls raised
/// ([safepoint.due]).
pub(crate) fn lead_if_none_runs(collector: &Collector) {
    ask_or_lead(collector, observed(collector), collector.registry.lock());
}

/// Does the same for the concurrent thread, which has made way, if a collection is still put off.
pub(crate) fn lead_what_was_put_off(collector: &Collector) {
    let observed = observed(collector);
    let registry = collector.registry.lock();
    // A pause ends the request before its leader unlocks the registry.
    if collector.yielding.is_asked() {
        ask_or_lead(collector, observed, registry);
    }
}

/// Leads what `wanted` requests if no mutator runs. Otherwise the mutators that run find it due,
/// and their polls raised. Returns whether this thread has led.
pub(crate) fn lead_unless_one_runs(collector: &Collector, wanted: Request, cause: Cause) -> bool {
    let registry = collector.registry.lock();
    let runs = collector.rendezvous.ask(stop::members(collector, registry.mutators.awake()));
    if !runs {
        lead_as(collector, registry, wanted, cause, None, None, None);
    }
    !runs
}

fn ask_or_lead(collector: &Collector, observed: Observed, registry: MutexGuard<'_, Registry>) {
    let runs = collector.rendezvous.ask(stop::members(collector, registry.mutators.awake()));
    if !runs {
        match due(collector) {
            // A mutator that runs by now has its poll raised: none attaches meanwhile.
            Some((wanted, cause)) => {
                lead_as(collector, registry, wanted, cause, Some(observed), Some(Duration::ZERO), None);
            }
            None => collector.yielding.end(),
        }
    }
}

/// How long a thread waits for mutators that run, for something that is due because the heap is
/// idle.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_millis(1);

/// Sees to it that what is due is done, for a thread that has no mutator here.
pub(crate) fn ask(collector: &Collector) {
    if due(collector).is_some() {
        collector.major.ask_to_collect();
    }
}

/// How long a thread that enters `blocked` or detaches waits for a mutator to reach a safepoint.
const TIMEOUT: Duration = Duration::from_millis(20);

/// Stops the world, however long that takes, and does what `wanted` requests. A minor collection
/// that began after `observed` is shared instead. The caller's mutator, if it has one, is BLOCKED.
/// Returns the report of the pause, or `None` if it was not due any more.
pub(crate) fn lead(
    collector: &Collector,
    wanted: Request,
    cause: Cause,
    observed: Option<Observed>,
) -> Option<CollectReport> {
    lead_as(collector, collector.registry.lock(), wanted, cause, observed, None, None)
}

/// Leads, as above, if every mutator reaches a safepoint within `timeout`.
pub(crate) fn try_to_lead(
    collector: &Collector,
    wanted: Request,
    cause: Cause,
    timeout: Duration,
) -> Option<CollectReport> {
    lead_as(collector, collector.registry.lock(), wanted, cause, None, Some(timeout), None)
}

/// What a thread looks at in a pause that it leads. It runs no user code.
pub(crate) type Look<'a> = &'a mut dyn FnMut(&StoppedHeap<'_>);

/// Promotes everything, and looks at the heap in the same pause. The caller is the running owner of
/// `local`, at a safepoint.
pub(crate) fn look(local: &Attachment, look: Look<'_>) {
    let collector = &*local.collector;
    expect_here(collector);
    away(local, || {
        block(local);
        let wanted = Request::Minor(Collect::Promote);
        lead_as(collector, collector.registry.lock(), wanted, Cause::Explicit, None, None, Some(look));
        rejoin::leave_blocked(local);
    });
}

/// Leads, as above, with the lock that makes this thread the leader. Also returns `None` if a
/// mutator did not reach a safepoint within `timeout`. Without `timeout`, this reports stragglers.
fn lead_as(
    collector: &Collector,
    mut registry: MutexGuard<'_, Registry>,
    wanted: Request,
    cause: Cause,
    observed: Option<Observed>,
    timeout: Option<Duration>,
    look: Option<Look<'_>>,
) -> Option<CollectReport> {
    if let Request::Minor(asked) = wanted
        && let (Some(last), Some(observed)) = (registry.last[asked as usize], observed)
        && last.started > observed.collections
    {
        return Some(last.report);
    }
    if !wanted.is_due(collector.major.phase()) || is_done(collector, wanted, cause) {
        return None;
    }
    let start = Instant::now();
    let mutators = registry.mutators.awake().to_vec();
    let late_after = collector.config.late_after;
    let stopped =
        collector.rendezvous.stop(stop::members(collector, &mutators), timeout.unwrap_or(late_after), |waited| {
            if timeout.is_some() {
                if let Some(observed) = observed {
                    let members = stop::members(collector, &mutators);
                    let stragglers = members.filter(|member| member.word.is_straggler()).map(|member| member.poll);
                    collector.given_up.give_up(observed.collections, stragglers);
                }
                return None;
            }
            stop::report_stragglers(collector, &mutators, waited);
            Some(late_after)
        });
    if stopped == Stopped::CalledOff {
        return None;
    }
    let start = stop::record_stop(collector, start, stopped, &mutators);
    // The only user code that runs in a pause is derived `Trace`, with the iterators of complete containers, which do not panic
    // (`trace::impls::owned`, `collections`). So a collection that panics half-way has met a bug of this crate, and no thread may
    // go on with the heap that it leaves.
    let bomb = AbortOnUnwind;
    if cause == Cause::Idle {
        collector.idle.begin_work();
    } else {
        collector.idle.note_activity(&collector.major);
    }
    let (started, processor) = (collector.epochs.begin_collection(), (cause == Cause::Idle).then(ProcessorTime::now));
    let (figures, mut dead) = collect(collector, &mutators, &mut registry, wanted, cause, start, look);
    collector.epochs.end_collection();
    if let Some(processor) = processor {
        collector.idle.note_work(processor.elapsed());
    }
    let report = figures.report();
    for last in &mut registry.last[..=report.collected as usize] {
        *last = Some(Finished { started, report });
    }
    collector.background.expect_drops(&mut dead, &collector.memory.budget);
    core::mem::forget(bomb);
    registry.mutators.let_fall_dormant();
    collector.share_nursery(&registry);
    collector.rendezvous.resume(stop::members(collector, &mutators));
    collector.yielding.end();
    if collector.major.handed_over().is_some() {
        if matches!(wanted, Request::Finish { .. }) || collector.major.phase() != Phase::Marking {
            collector.major.end_hand_over();
        } else {
            // The pause has lowered the polls.
            mutators.iter().for_each(|attached| attached.state().poll.raise(Reason::MINOR));
        }
    }
    drop(registry);
    collector.background.post_drops(dead);
    let removals = if cause == Cause::Nursery { Removals::Many } else { Removals::All };
    collector.background.look_after(&collector.registered.queues, removals);
    collector.background.post(Job::Report(figures.event()));
    if cause == Cause::Idle && matches!(wanted, Request::Minor(_) | Request::Compact) {
        // What a cycle leaves is given back at its end.
        collector.background.post(Job::Trim);
    }
    // [on-demand.refused].
    collector.background.call_again();
    collector.major.call_again();
    watch::call_again();
    Some(report)
}

/// Returns whether another leader has done what was due for `cause`. The caller has the registry
/// lock.
fn is_done(collector: &Collector, wanted: Request, cause: Cause) -> bool {
    match (wanted, cause) {
        (Request::Begin | Request::Compact, Cause::Idle) => collector.idle.work().is_none(),
        // Another mutator has led it, and more was left than it was to mark.
        (Request::Finish { now: false, .. }, cause) => cause != Cause::Idle && collector.major.handed_over().is_none(),
        (Request::Compact, Cause::Limit) => !collector.headroom.wants_compaction(),
        _ => false,
    }
}

/// Returns what had been done so far, for a request that is served by major cycle `first` and later
/// ones.
pub(super) fn observed_before(collector: &Collector, first: u64) -> Observed {
    Observed { major: first - 1, ..observed(collector) }
}

/// Returns what has been done so far, for a request that is made now.
pub(crate) fn observed(collector: &Collector) -> Observed {
    Observed { collections: collector.epochs.collections(), major: collector.major.begun() }
}
