//! The concurrent thread: marks and sweeps while the program runs.
//!
//! It runs no user code except derived `Trace`, so no destructor or hook delays it. Between two
//! objects, and between two pieces of a big one ([mark.pieces]), it checks whether a pause is
//! requested, and then parks, or makes way for one (`yielding`). That takes microseconds, except
//! while it traces a big map or linked list, which it traces without a check, and while the system
//! does not run it.

use core::time::Duration;
use std::thread;

use crate::{
    object::CellUser,
    old::mark::{Cells, Marked, Marking},
    registered::Removals,
    safepoint::Reason,
    stats::Cause,
    sync::{Arc, Mutex},
    workers::{self, Packet, ProcessorTime, role::serve},
};

use super::{
    clearing::Stage,
    collector::Collector,
    drops::DropQueue,
    major,
    major_cycle::{ConcurrentTask, MARKER, Phase},
    policy::{MOST_MARKED, Request},
    request::{IDLE_TIMEOUT, lead, lead_if_none_runs, lead_unless_one_runs, lead_what_was_put_off, try_to_lead},
    sweeping::{self, AT_ONCE},
};

/// Starts the concurrent thread of a heap. Returns whether the system has started it.
pub(crate) fn start(collector: &Arc<Collector>) -> bool {
    let mut handle = collector.background.marker.lock();
    if let Some(before) = handle.take() {
        // It has left, and takes no lock any more ([major.on-demand]).
        let _ = before.join();
    }
    let collector = collector.clone();
    *handle = workers::start("gc-core marker", move || {
        serve(Arc::as_ptr(&collector));
        loop {
            match collector.major.next(|| !collector.idle.is_busy()) {
                ConcurrentTask::Mark => mark_concurrently(&collector),
                ConcurrentTask::Sweep(number) => sweep_concurrently(&collector, number),
                ConcurrentTask::Populate(offset, bytes) => collector.memory.populate(offset, bytes),
                ConcurrentTask::Collect => lead_if_none_runs(&collector),
                ConcurrentTask::Leave | ConcurrentTask::End => return,
            }
        }
    })
    .ok();
    handle.is_some()
}

/// Does what is due of the current major cycle, in the place of the concurrent thread, which the
/// system refuses. The caller's mutator is BLOCKED.
pub(crate) fn work_in_its_place(collector: &Arc<Collector>) {
    match collector.major.phase() {
        Phase::Marking => mark_concurrently(collector),
        Phase::Sweeping => sweep_concurrently(collector, collector.major.begun()),
        Phase::Idle => {}
    }
}

/// The most objects that a final pause marks, at the first attempts to end marking
/// ([assist.bound]).
const FINAL: u64 = 1 << 14;
/// So many attempts mark no more.
const ATTEMPTS: u32 = 3;
/// How long it takes until the end of an idle heap's marking is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How long the concurrent thread waits for a mutator to lead the pause that ends marking: as long
/// as the system may not run one of them.
const HANDED_OVER: Duration = Duration::from_millis(50);
/// How long the concurrent thread makes way for a collection that was put off, while no mutator
/// reaches a safepoint to lead it.
const AWAY: Duration = Duration::from_millis(10);
/// Bytes of dead values that the sweep collects before it posts them to be dropped.
const POST_AT: usize = 256 << 10;
/// Testing: how long a slow concurrent thread sleeps.
const REST: Duration = Duration::from_micros(20);

/// Marks until marking has ended, or the heap ends.
fn mark_concurrently(collector: &Collector) {
    let (major, rendezvous, yielding) = (&collector.major, &collector.rendezvous, &collector.yielding);
    let (mut attempts, is_idle) = (0, major.cause() == Cause::Idle);
    run_again(collector);
    while !major.thread_ends() && major.phase() == Phase::Marking {
        let marked = counted(collector, is_idle, || {
            if clear_increment(collector) { Marked::MoreLeft } else { mark_increment(collector, is_idle) }
        });
        if major.poll().is_raised() {
            let reason = collector.given_up.take(major.poll());
            if reason.contains(Reason::STOP) {
                // The pause ends the request, if there is one.
                let _ = yielding.end_work();
                rendezvous.park(major.word());
                if !yielding.begin_work() {
                    rendezvous.enter_blocked(major.word());
                    lead_what_was_put_off(collector);
                    run_again(collector);
                }
            } else if yielding.is_asked() {
                make_way(collector);
                run_again(collector);
            }
            let ranges = major.to_populate();
            if !ranges.is_empty() {
                make_way(collector);
                ranges.into_iter().for_each(|(offset, bytes)| collector.memory.populate(offset, bytes));
                run_again(collector);
            }
            if major.takes_collect() {
                make_way(collector);
                lead_if_none_runs(collector);
                run_again(collector);
            }
        } else if marked == Marked::All && !collector.satb.is_waiting() {
            let mut clearing = collector.clearing.lock();
            if clearing.stage() == Stage::Finalize {
                clearing.finalize(&collector.marking);
                continue;
            }
            drop(clearing);
            make_way(collector);
            let budget = if attempts < ATTEMPTS { FINAL } else { MOST_MARKED };
            attempts += u32::from(end_marking(collector, budget));
            run_again(collector);
        } else if collector.config.stress.slow_marker != 0 {
            make_way(collector);
            thread::sleep(REST);
            run_again(collector);
        }
    }
    make_way(collector);
}

/// Does a part of a cycle, which counts if the heap `is_idle` ([idle.share]).
fn counted<R>(collector: &Collector, is_idle: bool, work: impl FnOnce() -> R) -> R {
    if !is_idle {
        return work();
    }
    let start = ProcessorTime::now();
    let result = work();
    collector.idle.note_work(start.elapsed());
    result
}

/// Does an increment of clearing, if there is any to do that needs no marking. The concurrent
/// thread is RUNNING. Returns whether there was.
fn clear_increment(collector: &Collector) -> bool {
    let mut clearing = collector.clearing.lock();
    let due = !matches!(clearing.stage(), Stage::Marking | Stage::Finalize | Stage::Done);
    if due {
        collector.clear(&mut clearing);
        collector.background.look_after(&collector.registered.queues, Removals::All);
    }
    due
}

/// Makes the concurrent thread BLOCKED. If a collection was put off that waited for this, sees to
/// it that it is done now.
fn make_way(collector: &Collector) {
    collector.rendezvous.enter_blocked(collector.major.word());
    if collector.yielding.end_work() {
        lead_what_was_put_off(collector);
    }
}

/// Makes the concurrent thread RUNNING again, when no collection is put off any more.
fn run_again(collector: &Collector) {
    let (rendezvous, word) = (&collector.rendezvous, collector.major.word());
    loop {
        collector.yielding.stay_away(AWAY);
        let runs = rendezvous.leave_blocked(word);
        debug_assert!(runs, "the concurrent thread is never dormant");
        if collector.yielding.begin_work() {
            return;
        }
        rendezvous.enter_blocked(word);
    }
}

/// Has the pause led that ends marking, which marks no more than about `budget` objects
/// ([major.handed-over]). Returns whether there was one: while the heap is idle and no thread waits
/// for the cycle, it gives up early if a mutator runs ([idle.no-wait]).
fn end_marking(collector: &Collector, budget: u64) -> bool {
    let major = &collector.major;
    let cause = major.cause();
    let wanted = Request::Finish { budget, now: false };
    if cause == Cause::Idle && collector.idle.rests() && major.waiting() == 0 {
        if try_to_lead(collector, wanted, cause, IDLE_TIMEOUT).is_some() {
            return true;
        }
        major.rest(RETRY, || collector.idle.rests());
        return false;
    }
    major.hand_over(budget);
    if !lead_unless_one_runs(collector, wanted, cause) && !major.await_hand_over(HANDED_OVER) {
        lead(collector, wanted, cause, None);
    }
    true
}

/// Marks until nothing is left, or a pause is requested. The concurrent thread is RUNNING.
fn mark_increment(collector: &Collector, is_idle: bool) -> Marked {
    let mut state = collector.marking.lock();
    state.take_from(&collector.satb);
    let cells = Cells::Locked(CellUser::new(collector.epochs.stop_number(), false, MARKER));
    let budget = match collector.config.stress.slow_marker {
        0 => u64::MAX,
        objects => u64::from(objects),
    };
    let poll = Some(collector.major.poll());
    let gc_workers = marking_workers(collector);
    if gc_workers == 0 {
        return collector.marker(cells, &mut state).run(poll, budget);
    }
    // All threads that mark stop for the poll of the concurrent thread. It parks when none of them has work in hand.
    let pool = &*collector.workers.pool;
    let spare: Mutex<Vec<Marking>> = Mutex::default();
    let mark = |state: &mut Marking| collector.marker(cells, state).among(pool).run(poll, budget);
    let task = |packet: Packet| {
        let mut state = spare.lock().pop().unwrap_or_default();
        counted(collector, is_idle, || {
            state.take_over(packet);
            let _ = mark(&mut state);
        });
        spare.lock().push(state);
    };
    let mut marked = Marked::All;
    pool.lead(gc_workers, &task, |packet| {
        if let Some(packet) = packet {
            state.take_over(packet);
        }
        marked = mark(&mut state);
    });
    for gc_worker in spare.into_inner() {
        state.append(gc_worker);
    }
    if state.is_done() { marked } else { Marked::MoreLeft }
}

/// Returns how many GC workers may mark: as many as there are cores that no mutator uses. Those
/// that have been blocked for long use none.
fn marking_workers(collector: &Collector) -> usize {
    let gc_workers = collector.workers.count();
    if collector.config.stress.workers != 0 {
        return gc_workers;
    }
    let busy = 1 + collector.pacing.at_work(collector.major.waiting());
    let free = gc_workers.min(collector.config.cores.saturating_sub(busy));
    if free == 0 { 0 } else { free.min(collector.workers.reliable()) }
}

/// Sweeps until everything is swept, and ends cycle `number`. Stops early if the heap ends.
fn sweep_concurrently(collector: &Collector, number: u64) {
    let (yielding, is_idle) = (&collector.yielding, collector.major.cause() == Cause::Idle);
    let mut dead = DropQueue::default();
    let mut more = true;
    while more && !collector.major.thread_ends() {
        while !yielding.begin_work() {
            yielding.stay_away(AWAY);
        }
        // A pause, or an allocation that needs blocks, can take the lock between two rounds.
        let mut old = collector.old.lock();
        let count = if collector.config.stress.slow_marker == 0 { AT_ONCE } else { 1 };
        more = counted(collector, is_idle, || {
            sweeping::sweep_some(collector, &mut old, &mut collector.large.lock(), &mut dead, count)
        });
        collector.background.expect_drops(&mut dead, &collector.memory.budget);
        drop(old);
        if yielding.end_work() {
            lead_what_was_put_off(collector);
        }
        if dead.bytes() > POST_AT {
            collector.background.post_drops(core::mem::take(&mut dead));
        }
        if collector.config.stress.slow_marker != 0 {
            thread::sleep(10 * REST);
        }
    }
    collector.background.post_drops(dead);
    if !more {
        major::end_cycle(collector, number);
    }
}
