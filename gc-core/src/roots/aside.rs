//! Roots that are dropped in a job of their own heap: they are put aside until the job takes their
//! values out (`collector::nested_roots`).
//!
//! The thread-locals need no destructor, so they can be used in the destructors of others.

use core::{cell::Cell, mem::ManuallyDrop, ptr};

use super::root_ref::RootRef;

thread_local! {
    /// The identity of the heap whose job runs on this thread, or null.
    static HEAP: Cell<*const ()> = const { Cell::new(ptr::null()) };
    /// Whether `ASIDE` has a root.
    static ANY: Cell<bool> = const { Cell::new(false) };
    static ASIDE: ManuallyDrop<Cell<Vec<RootRef>>> = const { ManuallyDrop::new(Cell::new(Vec::new())) };
}

/// Begins a job of this heap on this thread. Returns the argument of the [`end`] that belongs to
/// it.
pub(crate) fn begin(heap: *const ()) -> *const () {
    HEAP.replace(heap)
}

/// Ends the job.
pub(crate) fn end(before: *const ()) {
    HEAP.set(before);
}

/// Returns whether roots were put aside.
#[inline(always)]
pub(crate) fn any() -> bool {
    ANY.get()
}

/// Takes the roots that were put aside.
pub(crate) fn take() -> Vec<RootRef> {
    ANY.set(false);
    ASIDE.with(|aside| aside.take())
}

/// Puts a root aside if this thread runs a job of the root's heap. Returns whether it does.
pub(crate) fn put_aside(root: RootRef) -> bool {
    let ours = ptr::eq(HEAP.get(), root.heap());
    if ours {
        ASIDE.with(|aside| {
            let mut roots = aside.take();
            roots.push(root);
            aside.set(roots);
            ANY.set(true);
        });
    }
    ours
}
