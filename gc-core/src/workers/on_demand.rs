//! A thread that is started when it is called for, and leaves when it has nothing to do. The models
//! are `models/protocols/job_queue.rs` and `models/protocols/clock.rs`.
//!
//! - **[on-demand.under-the-lock]** One lock, which the file that has an [`OnDemand`] chooses,
//!   guards what the thread is called for and whether the thread is there. The thread leaves only
//!   under that lock, where it finds nothing to do. A caller leaves something to do under it, and
//!   finds the thread there, or starts it. So nothing is left undone, and there is one thread at
//!   most.
//! - **[on-demand.refused]** Where the system refuses a thread, what it was called for stays, and
//!   every later call tries again.

/// Starts a thread. Returns whether the system has started one. It is called under the lock of
/// [on-demand.under-the-lock], so it takes locks only that come after that one.
pub(crate) type Start = Box<dyn Fn() -> bool + Send + Sync>;

/// A thread that is there, or is started when it is called for.
pub(crate) struct OnDemand {
    is_taken: bool,
    start: Starts,
}

enum Starts {
    Closure(Start),
    Function(fn() -> bool),
}

impl OnDemand {
    pub(crate) fn new(start: Start) -> Self {
        Self { is_taken: false, start: Starts::Closure(start) }
    }

    /// Returns that of a thread of the process, which `start` starts.
    pub(crate) const fn of_process(start: fn() -> bool) -> Self {
        Self { is_taken: false, start: Starts::Function(start) }
    }

    /// Returns that of threads that others see to: it starts none.
    pub(crate) fn of_others() -> Self {
        Self { is_taken: true, start: Starts::Function(|| true) }
    }

    /// Calls for the thread. Returns whether one is there: not if the system has refused it.
    pub(crate) fn call(&mut self) -> bool {
        if !self.is_taken {
            self.is_taken = match &self.start {
                Starts::Closure(start) => start(),
                Starts::Function(start) => start(),
            };
        }
        self.is_taken
    }

    /// Records that the thread leaves, which has found nothing to do ([on-demand.under-the-lock]).
    pub(crate) fn leave(&mut self) {
        self.is_taken = false;
    }

    /// Forgets the thread, which is gone: this is the child of a fork.
    pub(crate) fn forget(&mut self) {
        self.is_taken = false;
    }

    /// Takes the place of the thread, if none is there. Returns whether the caller has it, until it
    /// [leaves](Self::leave).
    pub(crate) fn take(&mut self) -> bool {
        !core::mem::replace(&mut self.is_taken, true)
    }
}
