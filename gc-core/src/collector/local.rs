//! What belongs to one mutator, and which mutator a thread runs.
//!
//! - **L1** The owner touches it while its mutator is RUNNING, the leader of a pause while the owner is at a safepoint or BLOCKED.
//! - **L2** `CURRENT` is the mutator that this thread runs: null while it is blocked, detached or helping the collector.

use core::{
    any::Any,
    cell::{Cell, RefCell},
    ptr,
    ptr::NonNull,
};

use crate::{
    barrier::Barrier,
    safepoint::{Poll, StateWord},
    sync::Arc,
    young::Buffer,
};

use super::{roots::RootTable, shared::Shared};

/// One mutator. The first line of the cache is what the fast paths touch.
#[repr(C, align(64))]
pub(crate) struct Local {
    pub(crate) poll: Poll,
    /// The number of the last stop: see `CellWord`.
    pub(crate) stops: Cell<u32>,
    /// Whether this is the heap's one mutator: cells need no atomic operations.
    pub(crate) exclusive: Cell<bool>,
    /// The mutator's number: names the writer in a cell's word.
    pub(crate) number: u32,
    pub(crate) buffer: Buffer,
    pub(crate) barrier: Barrier,
    pub(crate) word: StateWord,
    pub(crate) roots: Arc<RootTable>,
    /// Young objects that need dropping.
    pub(crate) drops: RefCell<Vec<NonNull<u8>>>,
    /// Runs of young large objects.
    pub(crate) fresh_large: RefCell<Vec<u32>>,
    /// Testing: allocations or safepoints since the last forced collection.
    pub(crate) stress_count: Cell<u32>,
    /// Keeps the heap alive.
    pub(crate) handle: Arc<dyn Any + Send + Sync>,
    pub(crate) shared: Arc<Shared>,
}

/// What a thread is to the collector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// It may attach.
    Free,
    /// It has a mutator, running, blocked or leaked.
    Attached,
    /// It is a heap's background thread.
    Collector,
}

thread_local! {
    static CURRENT: Cell<*const Local> = const { Cell::new(ptr::null()) };
    static ROLE: Cell<Role> = const { Cell::new(Role::Free) };
}

/// The mutator that this thread runs (L2), or null.
#[inline(always)]
pub(crate) fn current() -> *const Local {
    CURRENT.get()
}

/// Sets [`current`] and returns what it was.
#[inline(always)]
pub(crate) fn set_current(local: *const Local) -> *const Local {
    CURRENT.replace(local)
}

pub(crate) fn role() -> Role {
    ROLE.get()
}

pub(crate) fn set_role(role: Role) {
    ROLE.set(role);
}
