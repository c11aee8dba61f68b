//! The heaps that the clock of the process looks at.

use core::time::Duration;

use crate::{
    sync::{Arc, RawLock, Weak},
    workers::{
        self,
        role::{Role, set_role},
    },
};

use super::{
    clock::{Clock, Watched},
    collector::Collector,
    idle::Seen,
    major_cycle::Phase,
};

static CLOCK: Clock<Heap> = Clock::of_process(start);

/// A heap, which the clock does not keep alive.
#[derive(Clone)]
struct Heap(Weak<Collector>);

impl PartialEq for Heap {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Watched for Heap {
    /// Calls for the concurrent thread if the heap is idle, which collects it if no mutator runs. A
    /// mutator that runs does it.
    fn look(&self) -> Option<Duration> {
        // Where it cannot be collected, a thread that is gone may have its locks.
        let collector = self.0.upgrade().filter(|collector| !collector.is_elsewhere())?;
        let again = next_look(&collector)?;
        let pauses = collector.epochs.collections();
        let (fresh_bytes, external) = (collector.pacing.fresh_bytes(), collector.memory.budget.external());
        // [idle.between-cycles].
        let is_free = collector.major.phase() == Phase::Idle;
        if is_free && collector.idle.look(Seen { pauses, fresh_bytes, external }) {
            collector.major.ask_to_collect();
            return None;
        }
        Some(again)
    }
}

/// Has the clock look at the heap, if it is BUSY and collects by itself ([idle.looks]).
pub(crate) fn watch(collector: &Arc<Collector>) {
    if let Some(after) = next_look(collector) {
        CLOCK.watch(Heap(Arc::downgrade(collector)), after);
    }
}

/// Ends that: the heap ends ([clock.releases]).
pub(crate) fn forget(collector: &Arc<Collector>) {
    CLOCK.forget(&Heap(Arc::downgrade(collector)));
}

/// Calls for the clock's thread again, if it is not there.
pub(crate) fn call_again() {
    CLOCK.call();
}

pub(crate) fn lock_word() -> &'static RawLock {
    CLOCK.lock_word()
}

/// Forgets the clock's thread, which is gone.
pub(crate) fn forget_threads() {
    CLOCK.forget_threads();
}

fn next_look(collector: &Collector) -> Option<Duration> {
    collector.idle.next_look().filter(|_| collector.pacing.is_auto())
}

fn start() -> bool {
    let run = || {
        set_role(Role::Collector);
        CLOCK.run();
    };
    workers::start("gc-core clock", run).is_ok()
}
