//! The attachment of a thread to a heap: its mutator's state, what keeps the heap alive, and which attachment a thread runs.
//!
//! - **[attachment.current]** `CURRENT` is the attachment whose mutator this thread runs. It is null while the thread is blocked,
//!   detached or working for the collector. The thread counts references by the token of this attachment ([token.current]).

use core::{cell::Cell, ops::Deref, ptr};

use crate::{counted::Token, sync::Arc};

use super::{collector::Collector, handle::Handle, mutator_state::MutatorState};

/// What a mutator points to. The state comes first: its first cache line holds what the fast paths touch.
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
    /// Merges the counts that other threads asked for, and passes dead objects to the background thread: no destructor runs here.
    #[cold]
    #[inline(never)]
    pub(crate) fn merge_counted(&self) {
        self.collector.background.post_counted(self.token.drain());
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

/// Returns whether the thread's thread-locals are being destroyed. A thread that attaches calls this, too: from then on it knows,
/// if the destructors run in the order in which threads run them here, the last one first.
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
