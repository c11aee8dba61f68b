//! The worker pool, as a collection sees it.

use core::time::Duration;
use std::time::Instant;

use crate::sync::RawLock;

use super::{packet::Packet, reliance::Reliance, sharing::WorkSharing};

/// What a GC worker does with a packet.
type Do<'a> = dyn Fn(Packet) + Sync + 'a;

/// What a GC worker does with a packet: valid while the worker is busy ([sharing.task]).
#[derive(Clone, Copy)]
struct Task(*const Do<'static>);

// SAFETY: in effect a shared reference to something `Sync`.
unsafe impl Send for Task {}

/// The pool of a heap's GC workers.
pub(crate) struct WorkerPool {
    sharing: WorkSharing<Packet, Task>,
    pub(crate) reliance: Reliance,
}

impl WorkerPool {
    pub(crate) fn new() -> Self {
        Self { sharing: WorkSharing::new(), reliance: Reliance::default() }
    }

    /// Returns whether a thread would take work.
    #[inline(always)]
    pub(crate) fn is_starving(&self) -> bool {
        self.sharing.is_starving()
    }

    /// Wakes the workers that will be needed soon.
    pub(crate) fn wake(&self) {
        self.sharing.wake();
    }

    /// Shares work. Called inside of [`lead`](Self::lead), or by its task.
    #[cold]
    pub(crate) fn share(&self, work: Packet) {
        self.sharing.share(work);
    }

    /// Leads up to `gc_workers` GC workers. Calls `work` with `None` first, then with each packet
    /// that the leader takes, until no thread has work. The workers call `task` with theirs. Both
    /// share work by [`share`](Self::share), and return when they have none.
    ///
    /// Records how long the leader has waited for workers.
    ///
    /// A panic in either aborts the process: a collection that is half done is of no use.
    pub(crate) fn lead(&self, gc_workers: usize, task: &Do<'_>, mut work: impl FnMut(Option<Packet>)) {
        let bomb = AbortOnUnwind;
        let task: *const Do<'_> = task;
        // SAFETY: only the lifetime changes. GC workers use the task while they are busy, and none is busy after the pool is
        // closed below; a panic does not get past the bomb.
        let task = Task(unsafe { core::mem::transmute::<*const Do<'_>, *const Do<'static>>(task) });
        let start = Instant::now();
        let mut waited = Duration::ZERO;
        let mut next = || {
            let from = Instant::now();
            let packet = self.sharing.next_or_close();
            waited += from.elapsed();
            packet
        };
        self.sharing.open(task, gc_workers);
        work(None);
        while let Some(packet) = next() {
            work(Some(packet));
        }
        if gc_workers > 0 {
            self.reliance.note(waited, start.elapsed());
        }
        core::mem::forget(bomb);
    }

    /// Runs a GC worker: takes and does work until [`end`](Self::end).
    pub(crate) fn serve(&self) {
        self.sharing.serve(|task, packet| {
            let bomb = AbortOnUnwind;
            // SAFETY: the worker is busy ([sharing.task]), and `lead` keeps its task alive until no worker is.
            unsafe { (*task.0)(packet) };
            core::mem::forget(bomb);
        });
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        self.sharing.lock_word()
    }

    /// Forgets the workers, which are gone.
    pub(crate) fn forget_threads(&self) {
        self.sharing.forget_threads();
    }

    /// Ends the workers.
    pub(crate) fn end(&self) {
        self.sharing.end();
    }
}

/// Aborts the process when a panic drops it: a collection that is half done is of no use.
pub(crate) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        eprintln!("gc-core: a collection failed half-way, see above; the heap cannot be used any more: aborting");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::{
        ptr::NonNull,
        sync::atomic::{AtomicUsize, Ordering},
    };

    #[test]
    fn work_is_done_once_whoever_does_it() {
        // One packet of 20 000 objects: the thread that has it shares half whenever another one is starving.
        let pool = WorkerPool::new();
        let done = AtomicUsize::new(0);
        let each = |work: Option<Packet>| {
            let mut work = work
                .unwrap_or_else(|| Packet { objects: vec![NonNull::dangling(); 20_000].into(), ..Packet::default() });
            while work.objects.pop().is_some() {
                done.fetch_add(1, Ordering::Relaxed);
                if pool.is_starving()
                    && let Some(half) = work.split()
                {
                    pool.share(half);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| pool.serve());
            }
            for round in 1..=50 {
                pool.lead(3, &|work| each(Some(work)), each);
                assert_eq!(done.load(Ordering::Relaxed), round * 20_000);
            }
            pool.end();
        });
    }
}
