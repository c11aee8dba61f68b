//! A thread's attachment to a heap: its mutator's state, what keeps the heap alive, and which attachment a thread runs.
//!
//! - **[attachment.current]** `CURRENT` is the attachment whose mutator this thread runs: null while it is blocked, detached or helping the collector. It counts
//!   references by that one's token ([token.current]).

use core::{cell::Cell, ops::Deref, ptr};

use crate::{counted::Token, sync::Arc};

use super::{collector::Collector, handle::Handle, mutator_state::MutatorState};

/// What a mutator points to. The state is first: its first line of the cache is what the fast paths touch.
#[repr(C)]
pub(crate) struct Attachment {
    pub(crate) state: MutatorState,
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
    /// Merges the counts that others asked for, and hands what is dead to the heap's thread: no destructor runs here.
    #[cold]
    #[inline(never)]
    pub(crate) fn merge_counted(&self) {
        self.collector.background.post_counted(self.token.drain());
    }
}

thread_local! {
    static CURRENT: Cell<*const Attachment> = const { Cell::new(ptr::null()) };
}

/// The mutator that this thread runs ([attachment.current]), or null.
#[inline(always)]
pub(crate) fn current() -> *const Attachment {
    CURRENT.get()
}

/// Sets [`current`]. The mutator is RUNNING.
#[inline(always)]
pub(crate) fn run(local: &Attachment) {
    CURRENT.set(local);
    local.token.run();
}

/// From here on this thread runs no mutator.
#[inline(always)]
pub(crate) fn stop_running() {
    Token::stop();
    CURRENT.set(ptr::null());
}
