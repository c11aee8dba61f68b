//! The mutators that a thread keeps between calls of `Heap::with`, BLOCKED, and whether it lends
//! one now.
//!
//! ```text
//!   first `with` ─▶ attached, BLOCKED ⇄ RUNNING: lent to the closure of a `with` ─▶ detached (`kept_end`)
//! ```
//!
//! - **[kept.valid]** A thread follows a pointer to a mutator that it keeps only with a user of the
//!   heap in hand, whose number it has found the pointer by ([users.identity]); or under the
//!   registry lock, if the registry has it ([kept-end.once]). An entry whose heap has ended stays
//!   in the thread's table, is never found, and goes when the thread enters another heap.
//! - **[kept.alias]** Within `with` the closure is lent a `Mutator` that its `Mutator::drop` leaves
//!   alone: it is an alias of a kept, parked or blocked mutator, which is not dropped meanwhile,
//!   since it is kept, or borrowed exclusively. While a thread lends one it cannot get another
//!   `Mutator`: to attach, and to enter a parked one for good, are refused while `LENT` is not 0.
//!   So what safe code puts in the place of the alias, by whatever crate, is that alias.
//! - **[kept.exit]** The table has a destructor, which runs when the thread exits and detaches what
//!   is in it. It leads no collection, and waits for no pause while a mutator of this thread runs,
//!   which may be what the pause waits for; otherwise not for long, as the process may be about to
//!   exit while a leader waits for a thread that never reaches a safepoint. Then it leaves the kept
//!   ones to the last user of their heaps. A `with` that comes later, in the destructor of another
//!   thread-local, keeps nothing.
//!
//! All other thread-locals here have no destructor, so they can be used in the destructors of
//! others.

use core::{
    cell::{Cell, RefCell},
    ptr::{self, NonNull},
    time::Duration,
};

use crate::{
    sync::{Arc, Weak},
    workers::role::{Role, role},
};

use super::{
    attachment::{self, Attachment},
    collector::Collector,
    detach::Departure,
    kept_end, request,
};

/// A heap's number, and this thread's mutator of that heap.
type Found = (u64, *const Attachment);
const NONE: Found = (0, ptr::null());
/// No heap's number: that of entries which no heap finds.
const LEFT: u64 = 0;

thread_local! {
    /// The kept mutator that was found last.
    static LAST: Cell<Found> = const { Cell::new(NONE) };
    /// The mutator that this thread has attached, if it has one that is not parked.
    static OWN: Cell<Found> = const { Cell::new(NONE) };
    /// How many mutators this thread lends, each to a closure inside the closure of the one before.
    static LENT: Cell<u32> = const { Cell::new(0) };
    static TABLE: Table = const { Table(RefCell::new(Vec::new())) };
}

struct Table(RefCell<Vec<Kept>>);

/// A kept mutator, of a heap that may have ended.
struct Kept {
    heap: u64,
    local: NonNull<Attachment>,
    collector: Weak<Collector>,
}

/// Returns this thread's mutator for `with`, of the heap with this number: the one that it keeps,
/// or the one that it has attached. The caller has a user of the heap ([kept.valid]).
#[inline(always)]
pub(crate) fn find(heap: u64) -> Option<NonNull<Attachment>> {
    let (last, local) = LAST.get();
    if last == heap { NonNull::new(local.cast_mut()) } else { find_slow(heap) }
}

#[inline(never)]
fn find_slow(heap: u64) -> Option<NonNull<Attachment>> {
    let (own, local) = OWN.get();
    if own == heap {
        return NonNull::new(local.cast_mut());
    }
    let find = |table: &Table| table.0.borrow().iter().find(|kept| kept.heap == heap).map(|kept| kept.local);
    let local = TABLE.try_with(find).ok().flatten()?;
    LAST.set((heap, local.as_ptr()));
    Some(local)
}

/// Returns whether this thread can keep a mutator: not once its thread-locals are being destroyed.
pub(crate) fn can_keep() -> bool {
    TABLE.try_with(|_| ()).is_ok()
}

/// Keeps a mutator, which this thread has attached and which is BLOCKED. The thread can keep one
/// ([`can_keep`]).
pub(crate) fn keep(heap: u64, local: NonNull<Attachment>, collector: &Arc<Collector>) {
    let kept = Kept { heap, local, collector: Arc::downgrade(collector) };
    TABLE.with(|table| {
        let mut table = table.0.borrow_mut();
        table.retain(|kept| kept.collector.strong_count() > 0);
        table.push(kept);
    });
    LAST.set((heap, local.as_ptr()));
}

/// Leaves a mutator of this thread attached that could not be detached now, which is BLOCKED and
/// which nothing else refers to. It is detached by [`detach_left`], or as a kept one.
pub(crate) fn leave(local: NonNull<Attachment>, collector: &Arc<Collector>) {
    let left = Kept { heap: LEFT, local, collector: Arc::downgrade(collector) };
    // Where the table is gone, only the last user of the heap detaches it.
    let _ = TABLE.try_with(|table| table.0.borrow_mut().push(left));
}

/// Detaches what this thread has left attached, where no other thread has the lock. So what is left
/// does not pile up.
pub(crate) fn detach_left() {
    let take = |table: &Table| {
        let mut table = table.0.borrow_mut();
        if table.iter().all(|kept| kept.heap != LEFT) {
            return Vec::new();
        }
        let (left, kept) = table.drain(..).partition(|kept| kept.heap == LEFT);
        *table = kept;
        left
    };
    let mut left = TABLE.try_with(take).unwrap_or_default();
    left.retain(|left| !left.detach(Duration::ZERO));
    if !left.is_empty() {
        let _ = TABLE.try_with(|table| table.0.borrow_mut().append(&mut left));
    }
}

/// Returns how many entries this thread's table has.
#[cfg(test)]
pub(crate) fn count() -> usize {
    TABLE.with(|table| table.0.borrow().len())
}

/// Counts a mutator as lent.
#[inline(always)]
pub(crate) fn lend() {
    LENT.set(LENT.get() + 1);
}

/// Counts it as given back.
#[inline(always)]
pub(crate) fn give_back() {
    LENT.set(LENT.get() - 1);
}

/// Returns whether this thread lends a mutator ([kept.alias]).
#[inline(always)]
pub(crate) fn is_lending() -> bool {
    LENT.get() > 0
}

/// Returns whether this thread can get a mutator for good: it has none, except ones that are kept
/// and not lent, or parked.
pub(crate) fn has_none() -> bool {
    role() != Role::Attached && !is_lending() && attachment::current().is_null()
}

/// Notes the mutator that this thread has attached, or null when it has parked or dropped that.
pub(crate) fn set_own(heap: u64, local: *const Attachment) {
    OWN.set(if local.is_null() { NONE } else { (heap, local) });
}

impl Drop for Table {
    fn drop(&mut self) {
        LAST.set(NONE);
        if is_lending() {
            // The process exits inside of `with`. The closure does not go on, but its mutator is not BLOCKED.
            core::mem::forget(self.0.take());
            return;
        }
        let timeout = if attachment::current().is_null() { TIMEOUT } else { Duration::ZERO };
        for kept in self.0.take() {
            kept.detach(timeout);
        }
    }
}

/// How long a thread that exits waits for the lock of a heap, for each mutator that it keeps:
/// longer than a pause takes.
const TIMEOUT: Duration = Duration::from_secs(1);

impl Kept {
    /// Detaches the mutator, unless the last user of its heap has done that ([kept.exit]). Returns
    /// false, and does nothing, if that takes longer than `timeout`.
    fn detach(&self, timeout: Duration) -> bool {
        let Some(collector) = self.collector.upgrade() else { return true };
        if collector.is_elsewhere() {
            // The child of a fork: a thread that exists in the parent only may hold the lock. The state leaks.
            return true;
        }
        let Some(mut registry) = collector.registry.try_lock_for(timeout) else { return false };
        let mut departure = Departure { registry: &mut registry, left: Vec::new() };
        kept_end::thread_exits(&mut departure, self.local);
        // Under the lock: [kept-end.no-end].
        drop(departure);
        drop(registry);
        request::ask(&collector);
        true
    }
}
