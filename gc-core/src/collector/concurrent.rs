//! The concurrent thread: marks and sweeps while the program runs.
//!
//! It runs no user code except derived `Trace`, so no destructor or hook delays it. Between two objects it checks whether a pause
//! is requested, and then parks. That takes microseconds, except while it traces a big standard container in a cell, because it
//! traces such a container without a check.

use core::time::Duration;
use std::thread;

use crate::{
    object::CellUser,
    old::mark::{Cells, Marked, Marker, Marking},
    safepoint::Reason,
    sync::{Arc, Mutex},
    workers::{
        Packet,
        role::{Role, set_role},
    },
};

use super::{
    collector::Collector,
    drops::DropQueue,
    major_cycle::{ConcurrentTask, MARKER, Phase},
    policy::Request,
    request::lead,
    sweeping::AT_ONCE,
};

/// Starts the concurrent thread of a heap.
pub(crate) fn start(collector: Arc<Collector>) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name("gc-core marker".to_owned()).stack_size(STACK).spawn(move || {
        set_role(Role::Collector);
        loop {
            match collector.major.next() {
                ConcurrentTask::Mark => collector.mark_concurrently(),
                ConcurrentTask::Sweep(number) => collector.sweep_concurrently(number),
                ConcurrentTask::Populate(offset, bytes) => collector.memory.populate(offset, bytes),
                ConcurrentTask::Stop => return,
            }
        }
    })
}

/// Nested `Box`es in one object are traced recursively.
const STACK: usize = 64 << 20;
/// The most objects that a final pause marks, except at the last attempt.
const FINAL: u64 = 1 << 14;
/// Attempts to end marking. All except the last one are limited to a short pause.
const ATTEMPTS: u32 = 4;
/// Bytes of dead values that the sweep collects before it posts them to be dropped.
const POST_AT: usize = 256 << 10;
/// Testing: how long a slow concurrent thread sleeps.
const REST: Duration = Duration::from_micros(20);

impl Collector {
    /// Marks until marking has ended, or the heap ends.
    fn mark_concurrently(&self) {
        let (major, rendezvous) = (&self.major, &self.rendezvous);
        let mut attempts = 0;
        rendezvous.leave_blocked(major.word());
        while !major.is_stopping() && major.phase() == Phase::Marking {
            let marked = self.mark_increment();
            if major.poll().is_raised() {
                if major.poll().take().contains(Reason::STOP) {
                    rendezvous.park(major.word());
                }
                let ranges = major.to_populate();
                if !ranges.is_empty() {
                    rendezvous.enter_blocked(major.word());
                    ranges.into_iter().for_each(|(offset, bytes)| self.memory.populate(offset, bytes));
                    rendezvous.leave_blocked(major.word());
                }
            } else if marked == Marked::All && !self.satb.is_waiting() {
                attempts += 1;
                rendezvous.enter_blocked(major.word());
                let budget = if attempts < ATTEMPTS { FINAL } else { u64::MAX };
                lead(self, Request::Finish { budget }, major.cause(), None);
                rendezvous.leave_blocked(major.word());
            } else if self.config.stress.slow_marker != 0 {
                rendezvous.enter_blocked(major.word());
                thread::sleep(REST);
                rendezvous.leave_blocked(major.word());
            }
        }
        rendezvous.enter_blocked(major.word());
    }

    /// Marks until nothing is left, or a pause is requested. The concurrent thread is RUNNING.
    fn mark_increment(&self) -> Marked {
        let mut state = self.marking.lock();
        self.satb.take(&mut state.marked);
        let cells = Cells::Locked(CellUser::new(self.epochs.stop(), false, MARKER));
        let budget = match self.config.stress.slow_marker {
            0 => u64::MAX,
            objects => u64::from(objects),
        };
        let poll = Some(self.major.poll());
        let gc_workers = self.marking_workers();
        if gc_workers == 0 {
            return Marker::new(&self.bits, &self.runs, cells, &mut state).run(poll, budget);
        }
        // All threads that mark stop for the poll of the concurrent thread. It parks when none of them has work in hand.
        let pool = &*self.workers.pool;
        let spare: Mutex<Vec<Marking>> = Mutex::default();
        let mark =
            |state: &mut Marking| Marker::new(&self.bits, &self.runs, cells, state).among(pool).run(poll, budget);
        let task = |packet: Packet| {
            let mut state = spare.lock().pop().unwrap_or_default();
            state.take_over(packet);
            let _ = mark(&mut state);
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
        if state.is_done() { marked } else { Marked::Some }
    }

    /// Returns how many GC workers may mark: as many as there are cores that no mutator uses.
    fn marking_workers(&self) -> usize {
        let gc_workers = self.workers.count();
        if self.config.stress.workers != 0 {
            return gc_workers;
        }
        let busy = 1 + self.pacing.attached().saturating_sub(self.major.waiting());
        gc_workers.min(self.config.cores.saturating_sub(busy))
    }

    /// Sweeps until everything is swept, and ends cycle `number`. Stops early if the heap ends.
    fn sweep_concurrently(&self, number: u64) {
        let mut pending = DropQueue::default();
        let mut more = true;
        while more && !self.major.is_stopping() {
            // A pause, or an allocation that needs blocks, can take the lock between two rounds.
            let mut old = self.old.lock();
            let count = if self.config.stress.slow_marker == 0 { AT_ONCE } else { 1 };
            more = self.sweep_some(&mut old, &mut self.large.lock(), &mut pending, count);
            self.background.expect_drops(&mut pending, &self.memory.budget);
            drop(old);
            if pending.bytes() > POST_AT {
                self.background.post_drops(core::mem::take(&mut pending));
            }
            if self.config.stress.slow_marker != 0 {
                thread::sleep(10 * REST);
            }
        }
        self.background.post_drops(pending);
        if !more {
            self.end_full(number);
        }
    }
}
