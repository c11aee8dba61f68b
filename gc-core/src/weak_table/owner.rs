//! What the object of a weak table begins with: how an entry is removed by code that does not know
//! the types.

use core::ptr::NonNull;

use crate::{Gc, Mutator, Trace, object::WatchedPair};

/// What each table begins with: how an entry is removed. The arguments are a mutator, the table,
/// the pair of the entry, and its hash.
#[derive(Trace)]
#[trace(crate = crate)]
#[trace(leaf)]
pub(super) struct Owner(unsafe fn(*const Mutator, NonNull<u8>, NonNull<u8>, u32) -> bool);

impl Owner {
    /// # Safety
    ///
    /// `remove` may be called with a mutator, a table that begins with this, and a pair of that
    /// table with its hash. All three are alive, and the mutator reaches no safepoint meanwhile.
    pub(super) unsafe fn new(remove: unsafe fn(*const Mutator, NonNull<u8>, NonNull<u8>, u32) -> bool) -> Self {
        Self(remove)
    }

    /// Removes the entry of a pair of this table, if it is there, and does a piece of the move to a
    /// smaller table. Returns whether there is more to do.
    pub(super) fn remove<'gc>(m: &'gc Mutator, table: Gc<'gc, Self>, pair: Gc<'gc, WatchedPair>) -> bool {
        // SAFETY: the function of this table; all three are alive.
        unsafe { (Gc::as_ref(table).0)(m, table.address(), pair.address(), pair.hash) }
    }
}
