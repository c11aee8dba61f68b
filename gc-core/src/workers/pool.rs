//! The threads that collect together, as a collection sees them.

use super::{packet::Packet, sharing::WorkSharing};

/// What a helper does with a packet.
type Do<'a> = dyn Fn(Packet) + Sync + 'a;

/// What a helper does with a packet: valid while it is busy ([sharing.task]).
#[derive(Clone, Copy)]
struct Task(*const Do<'static>);

// SAFETY: a shared reference to something `Sync`, in effect.
unsafe impl Send for Task {}

/// The threads that help with a heap's collections.
pub(crate) struct WorkerPool(WorkSharing<Packet, Task>);

impl WorkerPool {
    pub(crate) fn new() -> Self {
        Self(WorkSharing::new())
    }

    /// Whether somebody would take work.
    #[inline(always)]
    pub(crate) fn is_starving(&self) -> bool {
        self.0.is_starving()
    }

    /// Wakes helpers that will be wanted soon.
    pub(crate) fn wake(&self) {
        self.0.wake();
    }

    /// Gives work away, in the middle of [`lead`](Self::lead) or of its task.
    #[cold]
    pub(crate) fn share(&self, work: Packet) {
        self.0.share(work);
    }

    /// Leads up to `helpers` threads: calls `work` with nothing first, and then with what others shared, until nobody has work
    /// any more; helpers call `task`. Both give work away by [`share`](Self::share), and return when they have none.
    ///
    /// A panic in either aborts the process: half of a collection is of no use to anybody.
    pub(crate) fn lead(&self, helpers: usize, task: &Do<'_>, mut work: impl FnMut(Option<Packet>)) {
        let bomb = AbortOnUnwind;
        let task: *const Do<'_> = task;
        // SAFETY: only the lifetime changes. Helpers use the task while they are busy, which none is after the team is closed,
        // below; a panic does not get past the bomb.
        let task = Task(unsafe { core::mem::transmute::<*const Do<'_>, *const Do<'static>>(task) });
        self.0.open(task, helpers);
        work(None);
        while let Some(packet) = self.0.next_or_close() {
            work(Some(packet));
        }
        core::mem::forget(bomb);
    }

    /// A helper's life.
    pub(crate) fn serve(&self) {
        self.0.serve(|task, packet| {
            let bomb = AbortOnUnwind;
            // SAFETY: the helper is busy ([sharing.task]), and `lead` keeps its task until none is.
            unsafe { (*task.0)(packet) };
            core::mem::forget(bomb);
        });
    }

    /// Sends the helpers home.
    pub(crate) fn end(&self) {
        self.0.end();
    }
}

/// Half of a collection is of no use to anybody: dropped by a panic, it ends the process.
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
        // A piece of work of n elements leads to two of half as many.
        let pool = WorkerPool::new();
        let done = AtomicUsize::new(0);
        let each = |work: Option<Packet>| {
            let mut work =
                work.unwrap_or_else(|| Packet { objects: vec![NonNull::dangling(); 20_000], ..Packet::default() });
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
