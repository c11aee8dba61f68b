//! The attachment of a thread to a heap: its mutator's state, what keeps the heap alive, and which
//! attachment a thread runs.
//!
//! - **[attachment.one-runs]** A thread may have several attachments. At most one of them is
//!   RUNNING; all others are BLOCKED: their mutators are inside `blocked`, parked, or kept between
//!   calls of `Heap::with`. A mutator stops running only by a function that takes it exclusively or
//!   by value, so nothing that borrows it is in use while another one runs on its thread. (A leaked
//!   mutator runs for ever, so no other one ever runs on its thread.) Every function that makes one
//!   run looks at `CURRENT` before. A stack does that by its order, except where code exchanges
//!   stacks: a coroutine may suspend itself inside of `blocked`, and be resumed where the thread
//!   runs another mutator, or an alias of the same one. So `blocked` looks, too, when it is left,
//!   and ends the process.
//! - **[attachment.current]** `CURRENT` is the attachment whose mutator this thread runs. It is
//!   null while the thread is blocked, detached or working for the collector. The thread counts
//!   references by the token of this attachment ([token.current]).

use core::{cell::Cell, ops::Deref, ptr};

use crate::{
    counted::{
        Token,
        owners::{Merged, Owner},
    },
    safepoint::{Poll, Rendezvous, StateWord},
    stats::Event,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    collector::Collector, handle::Handle, jobs::Job, mutator_state::MutatorState, registry::name, users::Users,
};

/// What a mutator points to. The state comes first: its first cache line holds what the fast paths
/// touch.
#[repr(C)]
pub(crate) struct Attachment {
    pub(crate) state: MutatorState,
    /// Makes the attachment a user of the heap. `None` for a kept mutator, which is none.
    pub(crate) user: Cell<Option<Arc<Users>>>,
    /// The users of the heap, of whom there is one while the mutator runs ([users.only-they-run]).
    pub(crate) users: Weak<Users>,
    /// Keeps the heap alive.
    pub(crate) handle: Arc<Handle>,
    pub(crate) collector: Arc<Collector>,
}

impl Deref for Attachment {
    type Target = MutatorState;

    #[inline(always)]
    fn deref(&self) -> &MutatorState {
        &self.state
    }
}

impl Attachment {
    /// Returns a user of the heap. The mutator is running.
    pub(crate) fn users(&self) -> Arc<Users> {
        self.users.upgrade().expect("a heap has a user while a mutator of it runs")
    }

    /// Merges the counts that other threads asked for, and passes dead objects to the background
    /// thread: no destructor runs here.
    #[cold]
    #[inline(never)]
    pub(crate) fn merge_counted(&self) {
        self.pass_on(self.token.drain());
    }

    /// Leaves the owners of counted objects. The mutator's thread has stopped counting for it for
    /// good.
    pub(crate) fn leave_owners(&self) {
        self.pass_on(self.token.leave());
    }

    fn pass_on(&self, Merged { dead, waited }: Merged) {
        self.collector.background.post_counted(dead);
        // Release: a thread that finds them counted here no more finds the dead ones counted as such ([pending.exact]).
        self.collector.counted_waiting.fetch_sub(waited, Ordering::Release);
    }
}

/// Other threads call these methods: what they use is `Sync`, or does not change while the mutator
/// is attached.
impl Owner for Attachment {
    fn word(&self) -> &StateWord {
        &self.word
    }

    fn poll(&self) -> &Poll {
        &self.poll
    }

    fn rendezvous(&self) -> &Rendezvous {
        &self.collector.rendezvous
    }

    fn waiting(&self) -> &AtomicUsize {
        &self.collector.counted_waiting
    }

    #[cold]
    fn report_behind(&self, objects: usize) {
        if self.handle.is_elsewhere() {
            // The child of a fork: a thread that exists in the parent only may have held the lock.
            return;
        }
        let (thread, last_safepoint) = (name(&self.thread), self.seen_at.get());
        self.collector.background.post(Job::Report(Event::CountedBehind { thread, objects, last_safepoint }));
    }
}

/// Its destructor runs with those of the thread's other thread-locals.
struct Lives;

impl Drop for Lives {
    fn drop(&mut self) {}
}

thread_local! {
    static LIVES: Lives = const { Lives };
    static CURRENT: Cell<*const Attachment> = const { Cell::new(ptr::null()) };
}

/// Returns the attachment whose mutator this thread runs ([attachment.current]), or null.
#[inline(always)]
pub(crate) fn current() -> *const Attachment {
    CURRENT.get()
}

/// Returns whether the thread's thread-locals are being destroyed. A thread that attaches calls
/// this, too: from then on it knows, if the destructors run in the order in which threads run them
/// here, the last one first.
pub(crate) fn thread_ends() -> bool {
    LIVES.try_with(|_| ()).is_err()
}

/// Sets [`current`]. The mutator is RUNNING.
#[inline(always)]
pub(crate) fn run(local: &Attachment) {
    CURRENT.set(local);
    local.token.run();
}

/// Sets [`current`] to null: from here on this thread runs no mutator.
#[inline(always)]
pub(crate) fn stop_running() {
    Token::stop_running();
    CURRENT.set(ptr::null());
}
